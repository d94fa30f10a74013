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
  oldPname = package.pname or (builtins.parseDrvName package.name).name;
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
  # Where the version stands as a word: a `3` in `python3`, `13` or `3.1` is no version 3. It may have a `v`.
  renamed =
    text:
    if builtins.isList text then
      map renamed text
    else if package ? version && package.version != "" then
      let
        escaped = builtins.replaceStrings special (map (one: "\\${one}") special) package.version;
        parts = builtins.filter builtins.isString (builtins.split escaped text);
        isEnd = left: builtins.match "(.*[^[:alnum:].])?v?|.*[^[:digit:]]\\." left != null;
        isStart = right: builtins.match "[[:alnum:]].*|\\.[[:digit:]].*" right == null;
        last = builtins.length parts - 1;
        join =
          left: index:
          let
            right = builtins.elemAt parts index;
            isWord = isEnd left && isStart right && (right != "" || index == last);
          in
          left + (if isWord then version else package.version) + right;
      in
      builtins.foldl' join (builtins.head parts) (builtins.genList (index: index + 1) last)
    else
      text;
  special = [ "\\" "." "+" "*" "?" "(" ")" "[" "]" "{" "}" "^" "$" "|" ];
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
// { name = if version == "" then pname else "${pname}-${version}"; }
# `lib.getExe` takes the name of the package for that of its program.
// (if pname == oldPname then { } else { mainProgram = old.mainProgram or oldPname; })
// (if old.broken or false then { broken = true; } else { })
// (if old ? changelog then { changelog = renamed old.changelog; } else { })
// (if parts == { } then { } else { identifiers = { inherit cpeParts; }; })
// (if installed == [ ] then { } else { outputsToInstall = installed; })
