# The last command of a build derivation that has an output `manifest`: it searches the other outputs
# once, so that no specialize derivation has to. It fails, and so does the build, if there is something
# in them that `specialize` could do nothing about.
#
# The manifest names the paths that it looked for, and Nix takes them for references: this is why it is
# an output of its own, and never a file in an output that users keep.
{ postlink }:
{
  # All outputs but `manifest`.
  outputs ? [ "out" ],
  # The specialized packages whose unspecialized ones this one is built against.
  dependencies ? [ ],
}:
let
  own = map (output: "\"$" + output + "\"") outputs;
  others = builtins.concatMap (
    package: map (output: "${package.unspecialized.${output}}") package.outputs
  ) dependencies;
  references = map (path: "--reference ${path}") (own ++ others);
in
"${postlink}/bin/postlink scan --quiet --manifest \"$manifest\" ${toString references} ${toString own}"
