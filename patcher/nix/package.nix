# The command `postlink`.
{
  lib,
  rustPlatform,
  installShellFiles,
}:
let
  root = ../..;
  # Only what cargo reads. A package whose build calls postlink is built again when this changes.
  wanted = [
    "Cargo.lock"
    "Cargo.toml"
    "schema.toml"
    "macros"
    "patcher/Cargo.toml"
    "patcher/about.toml"
    "patcher/schema.toml"
    "patcher/src"
    "runtime"
    # A member of the workspace has to be there, though it is not built.
    "tests/Cargo.toml"
    "tests/src"
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
  cargoBuildFlags = [
    "--package"
    "postlink-patcher"
  ];
  # The tests need the compilers of eight machines.
  doCheck = false;
  nativeBuildInputs = [ installShellFiles ];
  postInstall = ''
    mkdir man
    $out/bin/postlink man man
    installManPage man/*
    for shell in bash fish zsh; do
      $out/bin/postlink completions $shell > postlink.$shell
      installShellCompletion --cmd postlink --$shell postlink.$shell
    done
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
