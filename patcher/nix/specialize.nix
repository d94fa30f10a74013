# A package at its own version and its own paths, from one that was built without knowing them.
#
# The result is an ordinary derivation that runs one command for a fraction of a second. It depends on
# the unspecialized package and keeps nothing of it. The package itself is never run, so it may be for
# another machine than the one that specializes it.
{ mkDerivation, postlink }:
let
  outputsOf = package: builtins.filter (output: output != "manifest") (package.outputs or [ "out" ]);
  specialize =
    {
      # The unspecialized package. Its output `manifest`, if it has one, is used and not passed on.
      package,
      version,
      pname ? package.pname,
      name ? "${pname}-${version}",
      # Which outputs to pass on. A `debug` is found by its build-id, which stays: the unspecialized one
      # serves all versions.
      outputs ? outputsOf package,
      # The field that gets the version; null if the package declares none.
      versionField ? "version",
      # Other fields, with strings, integers, booleans and lists. Paths in the package's own outputs
      # need not be named: they follow the outputs.
      values ? { },
      # Specialized packages that this one is to use in place of their unspecialized ones.
      dependencies ? [ ],
      # Other options of `postlink specialize`.
      flags ? [ ],
      # Commands that follow, such as the compression of manual pages. Files are writable for them.
      postSpecialize ? "",
    }@args:
    let
      pathsOf = package: map (output: package.${output}) (outputsOf package);
      pairs = builtins.concatMap (
        dependency:
        map (output: "${dependency.unspecialized.${output}}=${dependency.${output}}") dependency.outputs
      ) dependencies;
      quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";
      options =
        map (output: "--output ${package.${output}}=\"$" + output + "\"") outputs
        ++ map (pair: "--rewrite ${pair}") pairs
        ++ (if builtins.elem "manifest" (package.outputs or [ ]) then [ "--manifest ${package.manifest}" ] else [ ])
        ++ (if given == { } then [ ] else [ "--values \"$valuesPath\"" ])
        ++ map quote flags;
      given = (if versionField == null then { } else { ${versionField} = version; }) // values;
      writable = map (output: "\"$" + output + "\"") outputs;
      # What a user of the package calls: a change of the package itself is one of the unspecialized
      # package, or it would silently not be compiled in.
      functions = {
        override = change: specialize (args // { package = package.override change; });
        overrideAttrs = change: specialize (args // { package = package.overrideAttrs change; });
        # Other arguments of this function: `lix.respecialize { version = "2.97.1"; }`.
        respecialize = change: specialize (args // change);
      };
    in
    mkDerivation {
      inherit
        name
        pname
        version
        outputs
        ;
      # A file, because an environment has a limit.
      values = builtins.toJSON given;
      passAsFile = [ "values" ];
      # Which would not know `passAsFile`; nixpkgs may be set to turn them on.
      __structuredAttrs = false;
      buildCommand =
        ''
          ${postlink}/bin/postlink specialize ${toString options}
        ''
        + (
          if postSpecialize == "" then
            ""
          else
            ''
              chmod -R u+w ${toString writable}
              ${postSpecialize}
            ''
        );
      # The gate is postlink's; Nix checks it once more.
      disallowedReferences = builtins.concatMap pathsOf (
        [ package ] ++ map (dependency: dependency.unspecialized) dependencies
      );
      # The old name is not this package's.
      meta = removeAttrs (package.meta or { }) [ "name" ];
      passthru =
        (if package ? src then { inherit (package) src; } else { })
        // (package.passthru or { })
        // { unspecialized = package; }
        // functions;
    }
    // functions;
in
specialize
