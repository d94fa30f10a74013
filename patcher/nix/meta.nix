# What a specialized package says of itself: what the package says, but for what is only true of the build
# derivation.
{
  package,
  pname,
  version,
  outputs,
}:
let
  old = package.meta or { };
  # nixpkgs computes these anew.
  computed = [
    "name"
    "position"
    "available"
    "broken"
    "insecure"
    "unfree"
    "unsupported"
    "identifiers"
    "outputsToInstall"
  ];
  isVersion = text: builtins.isString text && package ? version && text == package.version;
  renamed =
    text:
    if builtins.isList text then
      map renamed text
    else if package ? version && package.version != "" then
      builtins.replaceStrings [ package.version ] [ version ] text
    else
      text;
  parts = old.identifiers.cpeParts or { };
  # A CPE with another version is of another program. nixpkgs guesses from vendor and version, where the
  # parts have none.
  cpeParts =
    removeAttrs parts [
      "version"
      "update"
    ]
    // (if isVersion (parts.version or null) then { inherit version; } else { })
    // (if isVersion (parts.version or null) && parts ? update then { inherit (parts) update; } else { });
  noMaintainers = if old.maintainers or [ ] == [ ] then [ "maintainers" "maintainersPosition" ] else [ ];
  installed = builtins.filter (output: builtins.elem output outputs) (old.outputsToInstall or [ ]);
in
removeAttrs old (computed ++ noMaintainers)
# Without what marks the machine.
// { name = "${pname}-${version}"; }
// (if old.broken or false then { broken = true; } else { })
// (if old ? changelog then { changelog = renamed old.changelog; } else { })
// (if parts == { } then { } else { identifiers = { inherit cpeParts; }; })
// (if installed == [ ] then { } else { outputsToInstall = installed; })
