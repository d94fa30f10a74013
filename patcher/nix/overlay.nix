# For nixpkgs: `postlink`, its two hooks, and what `default.nix` has, as `postlinkTools`.
final: prev: {
  postlink = final.callPackage ./package.nix { };
  # Both run while a package is built: in `nativeBuildInputs`.
  postlinkHook = final.makeSetupHook {
    name = "postlink-hook";
    substitutions.postlink = final.buildPackages.postlink;
  } ./setup-hook.sh;
  postlinkManifestHook = final.makeSetupHook {
    name = "postlink-manifest-hook";
    substitutions.postlink = final.buildPackages.postlink;
  } ./manifest-hook.sh;
  postlinkTools = import ./. {
    inherit (final.stdenvNoCC) mkDerivation;
    # A package for another machine is specialized on the one that builds.
    inherit (final.buildPackages) postlink postlinkManifestHook;
  };
}
