# `mkDerivation` for who has no nixpkgs: a derivation that runs `buildCommand` in a shell.
{
  system,
  # A shell, and the folders of its commands.
  shell,
  path,
}:
let
  mkDerivation =
    attributes:
    let
      passthru = attributes.passthru or { };
      drv = derivation (
        removeAttrs attributes [
          "meta"
          "passthru"
        ]
        // {
          inherit system;
          builder = shell;
          args = [
            "-euc"
            attributes.buildCommand
          ];
          PATH = path;
        }
      );
      extra = {
        inherit passthru;
        meta = attributes.meta or { };
        outputs = attributes.outputs or [ "out" ];
        overrideAttrs = change: mkDerivation (attributes // change attributes);
      } // passthru;
      # Each output has what the package has, as in nixpkgs.
      output = name: drv.${name} // extra // all;
      all = builtins.listToAttrs (
        map (name: {
          inherit name;
          value = output name;
        }) extra.outputs
      );
    in
    drv // extra // all;
in
mkDerivation
