# What a packager uses. Neither part needs nixpkgs: `overlay.nix` passes what nixpkgs has for it,
# `plain.nix` makes a `mkDerivation` where there is none.
{
  # As that of `stdenvNoCC`: a function from attributes to a derivation that runs `buildCommand`.
  mkDerivation,
  # The command, for the machine that builds: as `<postlink>/bin/postlink`.
  postlink,
}:
{
  specialize = import ./specialize.nix { inherit mkDerivation postlink; };
  padName = import ./pad-name.nix;
  manifest = import ./manifest.nix { inherit postlink; };
}
