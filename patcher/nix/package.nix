# The command `postlink`.
{
  lib,
  stdenv,
  buildPackages,
  rustPlatform,
  installShellFiles,
}:
let
  root = ../..;
  # Only what cargo compiles for the command, and what is installed beside it. A package whose build calls postlink is built again when this
  # changes.
  wanted = [
    "Cargo.lock"
    "Cargo.toml"
    "schema.toml"
    "macros"
    "patcher/Cargo.toml"
    "patcher/about.toml"
    "patcher/cmake"
    "patcher/schema.toml"
    "patcher/src"
    "runtime"
    # Members of the workspace have to be there; what is in them need not.
    "tests/Cargo.toml"
    "tests/fuzz/Cargo.toml"
    "tests/with-cc/Cargo.toml"
  ];
  isWanted =
    path: type:
    let
      relative = lib.removePrefix (toString root + "/") (toString path);
      within = one: lib.hasPrefix (one + "/") (relative + "/");
      leadsTo = one: type == "directory" && lib.hasPrefix (relative + "/") one;
    in
    builtins.any (one: within one || leadsTo one) wanted;
  manifest = builtins.fromTOML (builtins.readFile (root + "/Cargo.toml"));
  canRun = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  # One that writes the pages and completions, which are the same for every machine.
  postlink = if canRun then "$out" else buildPackages.postlink;
in
rustPlatform.buildRustPackage {
  pname = "postlink";
  inherit (manifest.workspace.package) version;
  src = builtins.path {
    name = "postlink-source";
    path = root;
    filter = isWanted;
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  postPatch = ''
    mkdir -p tests/src tests/fuzz/src tests/with-cc/src
    touch tests/src/lib.rs tests/fuzz/src/lib.rs tests/with-cc/src/lib.rs
  '';
  cargoBuildFlags = [
    "--package"
    "postlink-patcher"
  ];
  # The tests need the compilers of eight machines.
  doCheck = false;
  nativeBuildInputs = [ installShellFiles ];
  postInstall = ''
    mkdir man
    ${postlink}/bin/postlink man man
    installManPage man/*
    for shell in bash fish zsh; do
      ${postlink}/bin/postlink completions $shell > postlink.$shell
      installShellCompletion --cmd postlink --$shell postlink.$shell
    done
    install -D -m 644 -t $out/lib/cmake/postlink patcher/cmake/*.cmake
  '';
  meta = {
    description = "Fills versions and paths into linked programs and libraries";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "postlink";
  };
}
