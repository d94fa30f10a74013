# One program at another version, or any package under another name; its expression stays as it is.
#
# Undeclared paths in programs follow where the new one is as long as the old one: where both names are.
{ specialize }:
package:
{
  flags ? [ ],
  ...
}@args:
specialize (
  {
    inherit package;
  }
  // args
  // {
    # `specialize` says what they must be.
    flags = if builtins.isList flags then [ "--equal-length" ] ++ flags else flags;
  }
)
