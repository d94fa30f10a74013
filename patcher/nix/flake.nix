{
  description = "Versions and paths that are filled into linked programs";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs";

  outputs =
    { nixpkgs, ... }:
    let
      systems = [
        "aarch64-linux"
        "x86_64-linux"
      ];
      # nixpkgs with the overlay, of each system.
      forSystems =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make (import nixpkgs { inherit system; overlays = [ (import ./overlay.nix) ]; });
          }) systems
        );
    in
    {
      overlays.default = import ./overlay.nix;
      packages = forSystems (pkgs: {
        default = pkgs.postlink;
        hook = pkgs.postlinkHook;
      });
      # `lib.SYSTEM.specialize`, and `lib.SYSTEM.padName`.
      lib = forSystems (pkgs: pkgs.postlinkTools);
    };
}
