# What a user of a specialized package calls. A change of the package itself is one of the unspecialized
# package, or it would silently not be compiled in.
# `names` are those that the specialized package has, as arguments or by default.
specialize: args: names:
let
  inherit (args) package;
  toFunction = value: if builtins.isFunction value then value else _: value;
  # The change of `overrideAttrs` has one of three shapes.
  apply =
    change: final: old:
    let
      once = if builtins.isFunction change then change final else change;
      changed = if builtins.isFunction change then change old else change;
    in
    if builtins.isFunction changed then once old else changed;
  # These are filled in, or computed, and not compiled in.
  own = [
    "name"
    "passthru"
    "pname"
    "version"
  ];
in
{
  # The change gives both what is compiled and what only the specialized package has. `passthru` carries the latter
  # out, as a function of what the change builds on: of the specialized package, which is made of `changed` itself.
  overrideAttrs =
    change:
    let
      changed = package.overrideAttrs (
        final: old:
        let
          new = apply change final (old // { passthru = { }; });
        in
        removeAttrs new own
        // {
          passthru = old.passthru or { } // {
            postlinkTaken = finalPackage: more: apply change (final // { inherit finalPackage; }) (old // more);
          };
        }
      );
      takenOf = final: changed.postlinkTaken final (names // { passthru = toFunction (args.passthru or { }) final; });
      result = specialize (
        args
        // {
          package = changed;
          passthru = final: (takenOf final).passthru or (toFunction (args.passthru or { }) final);
        }
        // builtins.intersectAttrs {
          name = null;
          pname = null;
          version = null;
        } (takenOf result)
      );
    in
    result;
  # Other arguments of this function: `lix.respecialize { version = "2.97.1"; }`.
  respecialize = change: specialize (args // change);
}
# Only a package that was called by `callPackage` has it.
// (
  if package ? override then
    { override = change: specialize (args // { package = package.override change; }); }
  else
    { }
)
