{
  stdenv,
  meson,
  ninja,
  postlink,
  postlinkTools,
  version,
}:
postlinkTools.specialize {
  inherit version;
  package = postlinkTools.unspecialized (stdenv.mkDerivation {
    pname = "app";
    version = "1.0.0";
    # Not this file, nor the flake: who changes these compiles nothing.
    src = builtins.path {
      name = "app-source";
      path = ./.;
      filter = path: type: !(type == "regular" && builtins.match ".*\\.(nix|lock)" path != null);
    };
    nativeBuildInputs = [
      meson
      ninja
      postlink
    ];
    meta.mainProgram = "app";
  }) { version = "1.0.0-unspecialized"; };
}
