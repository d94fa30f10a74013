# Two versions of one program, of which only the first is compiled.
{ pkgs }:
let
  program = pkgs.stdenv.mkDerivation {
    pname = "shown";
    version = "1.0.0";
    nativeBuildInputs = [ pkgs.buildPackages.postlink ];
    dontUnpack = true;
    buildPhase = ''
      postlink generate --schema ${./check.toml} --out-header shown.hh --out-source shown.cc
      $CXX -std=c++17 ${./check.cc} shown.cc -I. -o shown
    '';
    installPhase = ''
      mkdir -p $out/bin
      cp shown $out/bin
    '';
    meta.mainProgram = "shown";
  };
  stamped = version: pkgs.postlinkTools.stamp program { inherit version; };
in
pkgs.runCommand "postlink-check" { } ''
  ${program}/bin/shown | grep '^1.0.0$'
  ${stamped "2.0.0"}/bin/shown | grep '^2.0.0$'
  touch $out
''
