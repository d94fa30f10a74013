# Which packages a package was built against, and what becomes of them.
rec {
  # The outputs that may be in other files: all but `manifest`.
  outputsOf = package: builtins.filter (output: output != "manifest") (package.outputs or [ "out" ]);
  pathsOf = package: map (output: "${package.${output}}") (outputsOf package);

  # Whether it is a build derivation. Only these have this output.
  isUnspecialized =
    package: builtins.isAttrs package && builtins.elem "manifest" (package.outputs or [ ]);

  # By this part of its name `forgotten.sh` knows a build derivation in what refers to it.
  isMarked = name: builtins.match ".*-unspecialized.*" name != null;
  unmarked =
    name:
    "postlink: ${name} is a build derivation, and its name needs `-unspecialized`: by that it is found where it must not be";

  # The lists of a derivation that have what it is linked with. What only runs in its build is not in them.
  linked = [
    "buildInputs"
    "propagatedBuildInputs"
    "depsHostHost"
    "depsHostHostPropagated"
  ];
  flat = list: if builtins.isList list then builtins.concatMap flat list else [ list ];
  inputsOf = names: package: builtins.concatMap (name: flat (package.${name} or [ ])) names;

  # The build derivations among what a package is linked with, and those that come with them.
  unspecializedOf =
    package:
    let
      propagated = inputsOf [
        "propagatedBuildInputs"
        "depsHostHostPropagated"
      ];
      withPropagated =
        package: [ package ] ++ builtins.concatMap withPropagated (builtins.filter isUnspecialized (propagated package));
    in
    builtins.concatMap withPropagated (builtins.filter isUnspecialized (inputsOf linked package));

  # Specialized packages, and those that they themselves use.
  withTheirs =
    dependencies:
    builtins.concatMap (
      dependency:
      if dependency ? unspecialized then
        [ dependency ] ++ withTheirs dependency.postlinkDependencies
      else
        throw "postlink: ${dependency.name or "something"} among `dependencies` is no specialized package"
    ) dependencies;

  # Refuses a package whose name does not tell what it is, and one that is linked with a build derivation which
  # nothing takes the place of.
  check =
    package: dependencies:
    let
      isKnown = one: builtins.any (known: known.unspecialized.drvPath == one.drvPath) dependencies;
      missing = builtins.filter (one: !isKnown one) (unspecializedOf package);
      names = builtins.concatStringsSep ", " (map (one: one.name) missing);
    in
    if isUnspecialized package && !isMarked package.name then
      throw (unmarked package.name)
    else if missing == [ ] then
      dependencies
    else
      throw "postlink: ${package.name} is built against ${names}: name what is specialized of it in `dependencies`";

  # What a package was built with, as its users see it: specialized packages in the place of their build
  # derivations.
  seen =
    package: dependencies:
    let
      replace =
        input:
        if builtins.isList input then
          map replace input
        else if !isUnspecialized input then
          input
        else
          let
            same = builtins.filter (known: known.unspecialized.drvPath == input.drvPath) dependencies;
            final = builtins.head same;
          in
          if same == [ ] then
            input
          else
            final.${input.outputName or "out"} or final;
      names = linked ++ [
        "nativeBuildInputs"
        "propagatedNativeBuildInputs"
      ];
      present = builtins.filter (name: package ? ${name}) names;
    in
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = replace package.${name};
      }) present
    );
}
