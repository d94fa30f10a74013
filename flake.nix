{
  description = "Versions and paths that are filled into linked programs";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      overlay = import ./patcher/nix/overlay.nix;
      systems = [
        "aarch64-darwin"
        "aarch64-linux"
        "x86_64-darwin"
        "x86_64-linux"
      ];
      # nixpkgs with the overlay, of each system.
      forSystems =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make (
              import nixpkgs {
                inherit system;
                overlays = [ overlay ];
              }
            );
          }) systems
        );
    in
    {
      overlays.default = overlay;
      packages = forSystems (pkgs: {
        inherit (pkgs) postlink postlinkHook postlinkManifestHook;
        default = pkgs.postlink;
      });
      apps = forSystems (pkgs: {
        default = {
          type = "app";
          program = "${pkgs.postlink}/bin/postlink";
          inherit (pkgs.postlink) meta;
        };
      });
      # `lib.SYSTEM.specialize`, `stamp`, `unspecialized` and `padName`.
      lib = forSystems (pkgs: pkgs.postlinkTools);
      checks = forSystems (pkgs: {
        inherit (pkgs) postlink;
        # A program at another version, which runs.
        stamped = import ./patcher/nix/check.nix { inherit pkgs; };
      });
      devShells = forSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ pkgs.postlink ];
          packages = [
            pkgs.cargo
            pkgs.rustc
            pkgs.meson
            pkgs.ninja
          ];
        };
      });
      formatter = forSystems (pkgs: pkgs.nixfmt-rfc-style);
      templates = {
        default = self.templates.cpp;
        cpp = {
          path = ./patcher/nix/templates/cpp;
          description = "A C++ program on meson whose version is filled in";
        };
        rust = {
          path = ./patcher/nix/templates/rust;
          description = "A Rust program whose version is filled in";
        };
      };
    };
}
