{
  rustPlatform,
  postlinkTools,
  version,
}:
postlinkTools.specialize {
  inherit version;
  package = postlinkTools.unspecialized (rustPlatform.buildRustPackage {
    pname = "app";
    version = "1.0.0";
    # Not this file, nor the flake: who changes these compiles nothing.
    src = builtins.path {
      name = "app-source";
      path = ./.;
      filter =
        path: type:
        !(type == "regular" && builtins.match ".*\\.nix|.*flake\\.lock" path != null)
        && !(type == "directory" && baseNameOf path == "target");
    };
    cargoLock.lockFile = ./Cargo.lock;
    meta.mainProgram = "app";
  }) { version = "1.0.0-unspecialized"; };
}
