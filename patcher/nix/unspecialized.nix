# The build derivation of a package whose expression stays as it is: another name, another version, and
# an output `manifest`.
{ padName, postlinkManifestHook }:
let
  inherit (import ./dependencies.nix)
    isMarked
    pathsOf
    unmarked
    unspecializedOf
    ;
in
package:
{
  # What is compiled in, as long as nothing is filled in. It never changes: who changes it compiles again.
  version ? "unspecialized",
  pname ? package.pname,
  # With `-unspecialized` in it, which a specialized package is searched for at the end.
  name ? padName "${pname}-unspecialized",
}:
if package ? unspecialized then
  throw "postlink: ${package.name} is specialized already: the build derivation is its `unspecialized`"
else
package.overrideAttrs (old: {
  outputs =
    if old.buildCommand or old.buildCommandPath or null != null then
      throw "postlink: ${package.name} is built by a `buildCommand`, which runs no phase that could make a manifest: carry it by `stamp`"
    else
      old.outputs or [ "out" ] ++ [ "manifest" ];
  inherit pname version;
  name = if isMarked name then name else throw (unmarked name);
  # nixpkgs warns of a version that changes without its source.
  __intentionallyOverridingVersion = true;
  nativeBuildInputs = old.nativeBuildInputs or [ ] ++ [ postlinkManifestHook ];
  # The build derivations that it is built against: `specialize` replaces them. The package itself may name words
  # that a `--rewrite` replaces.
  postlinkReferences =
    old.postlinkReferences or [ ] ++ builtins.concatMap pathsOf (unspecializedOf package);
})
