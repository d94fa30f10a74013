# A name for a build derivation that is at least as long as any name that its specialized packages get.
#
# A RUNPATH is rewritten in its place, so a new path may not be longer than the old one. Within one
# output `$ORIGIN` always fits; from one package to another there is no such way. The `_` come last,
# where nixpkgs looks for no version.
name:
let
  # Nix allows 211; `lix-2.94.0-pre-20250822_be438c62e1bd` has 36.
  width = 80;
  missing = width - builtins.stringLength name;
in
name + builtins.concatStringsSep "" (builtins.genList (_: "_") (if missing > 0 then missing else 0))
