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
    version = package.version or (builtins.parseDrvName package.name).version;
    # Without a version nothing is filled in.
    versionField = if args ? version then "version" else null;
  }
  // args
  // {
    flags = [ "--equal-length" ] ++ flags;
  }
)
