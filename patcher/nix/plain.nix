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
          # A shell replaces itself by a last command. Nix kills a builder that closes its output, as
          # `cp` and `gzip` do before they exit.
          args = [
            "-euc"
            (attributes.buildCommand + "\nexit")
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
