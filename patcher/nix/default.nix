# What a packager uses. `overlay.nix` passes what nixpkgs has for it.
{
  # That of `stdenvNoCC`, or one that is called alike: `buildCommand`, `passAsFile`, `passthru`, `meta`, `pos`;
  # `exportReferencesGraph` and `disallowedRequisites`, which Nix reads; and in the builder a function
  # `compressManPages FOLDER`.
  mkDerivation,
  # The command, for the machine that builds: as `<postlink>/bin/postlink`.
  postlink,
  # The hook of `manifest-hook.sh`, for the machine that builds.
  postlinkManifestHook,
}:
let
  padName = import ./pad-name.nix;
  specialize = import ./specialize.nix { inherit mkDerivation postlink; };
in
{
  inherit padName specialize;
  unspecialized = import ./unspecialized.nix { inherit padName postlinkManifestHook; };
  stamp = import ./stamp.nix { inherit specialize; };
}
