{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
  # Where postlink is.
  inputs.postlink.url = "git+https://example.org/postlink";
  inputs.postlink.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      postlink,
    }:
    let
      system = "x86_64-linux";
      pkgs = import nixpkgs {
        inherit system;
        overlays = [ postlink.overlays.default ];
      };
      # It changes with each commit, and compiles nothing.
      version = "1.0.0-pre-${self.shortRev or "dirty"}";
    in
    {
      packages.${system}.default = pkgs.callPackage ./package.nix { inherit version; };
    };
}
