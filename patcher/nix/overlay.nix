# For nixpkgs: `postlink`, `postlinkHook`, and what `default.nix` has, as `postlinkTools`.
final: prev: {
  postlink = final.callPackage ./package.nix { };
  # It runs while a package is built: in `nativeBuildInputs`.
  postlinkHook = final.makeSetupHook {
    name = "postlink-hook";
    substitutions.postlink = final.buildPackages.postlink;
  } ./setup-hook.sh;
  postlinkTools = import ./. {
    inherit (final.stdenvNoCC) mkDerivation;
    # A package for another machine is specialized on the one that builds.
    inherit (final.buildPackages) postlink;
  };
}
