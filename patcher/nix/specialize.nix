# A package at its own version and its own paths, from one that was built without knowing them.
#
# The result is an ordinary derivation that runs one command for a fraction of a second. It depends on
# the unspecialized package and keeps nothing of it. The package itself is never run, so it may be for
# another machine than the one that specializes it.
{ mkDerivation, postlink }:
let
  inherit (import ./dependencies.nix)
    check
    isUnspecialized
    outputsOf
    pathsOf
    seen
    withTheirs
    ;
  nameOf = import ./names.nix;
  metaOf = import ./meta.nix;
  functionsOf = import ./functions.nix;
  toFunction = value: if builtins.isFunction value then value else _: value;
  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";

  specialize =
    {
      # The unspecialized package. Its output `manifest`, if it has one, is used and not passed on.
      package,
      # That of the package, if nothing but paths is to change. A build derivation's is none that users see.
      version ?
        if isUnspecialized package then
          throw "postlink: which `version` ${package.name} is to get is not said"
        else
          package.version or (builtins.parseDrvName package.name).version,
      pname ? package.pname or (builtins.parseDrvName package.name).name,
      # That of a package for another machine, and of a static one, is marked as in nixpkgs.
      name ? nameOf package pname version,
      # Which outputs to pass on. `debug` is found by a build-id, which stays: the unspecialized one serves
      # all versions, and is passed on as it is.
      outputs ? builtins.filter (output: output != "debug") (outputsOf package),
      # The field that gets the version that is given; null if the package declares none.
      versionField ? if args ? version then "version" else null,
      # Other fields, with strings, integers, booleans and lists. Paths in the package's own outputs
      # need not be named: they follow the outputs.
      values ? { },
      # Specialized packages that this one is to use in place of their unspecialized ones.
      dependencies ? [ ],
      # Other options of `postlink specialize`.
      flags ? [ ],
      # Commands that follow, such as the wrapping of programs. Files are writable for them.
      postSpecialize ? "",
      # What these commands call.
      nativeBuildInputs ? [ ],
      # What differs from the package's; a function gets the specialized package.
      meta ? { },
      # What else the package has, such as tests; a function gets the specialized package. The package's own
      # is not passed on, for in it the package is the unspecialized one.
      passthru ? { },
      # Further arguments of `mkDerivation`, such as `preferLocalBuild`.
      derivationArgs ? { },
    }@args:
    let
      checked =
        if !builtins.isString version then
          throw "postlink: `version` of ${pname} is a ${builtins.typeOf version}, and no string"
        else if !builtins.isList flags then
          throw "postlink: `flags` of ${pname} is a ${builtins.typeOf flags}, and no list of words"
        else if unknown != [ ] then
          throw "postlink: ${pname} has no output `${builtins.head unknown}`: it has ${toString (outputsOf package)}"
        else if !builtins.elem "out" outputs then
          throw "postlink: `outputs` of ${pname} has no `out`, without which nixpkgs' stdenv builds nothing"
        else
          null;
      unknown = builtins.filter (output: !builtins.elem output (outputsOf package)) outputs;
      replaced = check package (withTheirs dependencies);
      pairs = builtins.concatMap (
        dependency:
        map (output: {
          old = "${dependency.unspecialized.${output}}";
          new = "${dependency.${output}}";
        }) dependency.outputs
      ) replaced;
      # A manifest knows those that the package was linked with, which are all that its outputs may name.
      isKnown = pair: builtins.elem pair.old (package.postlinkReferences or [ ]);
      rewritten = if hasManifest then builtins.filter isKnown pairs else pairs;
      # The version has one place, or the name tells another one than the program.
      field = args.versionField or "version";
      given =
        if field != null && values ? ${field} && values.${field} != version then
          throw "postlink: ${name} would have another version in `values.${field}`: give it as `version`"
        else
          (if versionField == null then { } else { ${versionField} = version; }) // values;
      hasManifest = builtins.elem "manifest" (package.outputs or [ ]);
      options =
        map (output: "--output ${package.${output}}=\"$" + output + "\"") outputs
        ++ map (pair: "--rewrite ${pair.old}=${pair.new}") rewritten
        ++ [ "$repack" ]
        ++ (if hasManifest then [ "--manifest ${package.manifest}" ] else [ ])
        ++ (if given == { } then [ ] else [ "--values \"$valuesPath\"" ])
        ++ map quote flags;
      hint =
        if args ? versionField || versionField == null then
          ""
        else
          " || { status=$?; echo 'postlink: if it declares no field `version`: versionField = null' >&2; exit $status; }";
      # `manifest-hook.sh` leaves pages as they are: a word in a compressed one is not found.
      compress = hasManifest && !(package.dontGzipMan or false);
      all = toString (map (output: "\"$" + output + "\"") outputs);
      # What was built for pages and commands that follow.
      finish =
        (
          if compress then
            ''
              for output in ${all}; do
                if [ -n "$repack" ] && [ -d "$output/share/man" ]; then
                  chmod -R u+w "$output/share/man"
                  compressManPages "$output"
                fi
              done
            ''
          else
            ""
        )
        + (
          if postSpecialize == "" then
            ""
          else
            ''
              chmod -R u+w ${all}
              ${postSpecialize}
            ''
        );
      position = builtins.match "(.*):([0-9]+)" (package.meta.position or "");
      kept = builtins.filter (name: package ? ${name}) [
        "src"
        "srcs"
        "patches"
        "debug"
      ];
      extra =
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = package.${name};
          }) kept
        )
        # What `mkShell { inputsFrom = … }` reads.
        // seen package replaced
        // toFunction passthru final
        // {
          unspecialized = package;
          postlinkDependencies = dependencies;
        }
        // functionsOf specialize args { inherit name pname version; };
      final =
        mkDerivation (
          {
            inherit
              name
              pname
              version
              outputs
              nativeBuildInputs
              ;
            # A file, because an environment has a limit.
            values = builtins.toJSON given;
            passAsFile = [ "values" ];
            # Which would not know `passAsFile`; nixpkgs may be set to turn them on.
            __structuredAttrs = false;
            # All that the outputs refer to, for the check below.
            exportReferencesGraph = builtins.concatMap (output: [
              "postlink-${output}"
              package.${output}
            ]) outputs;
            # What is rewritten in the package's own outputs, and what these need beside: dependencies, which are
            # searched when they are specialized.
            own = pathsOf package;
            rewritten = pathsOf package ++ map (pair: pair.old) rewritten;
            dependencies = builtins.concatMap (dependency: pathsOf dependency.unspecialized) replaced;
            buildCommand =
              # Which of the two it is may be a setting of nixpkgs: only the builder knows. Nix builds a
              # content-addressed output at another path, and replaces that in it, but in no compressed file.
              ''
                for path in ${toString (map (output: package.${output}) outputs)}; do
                  if [ -L "$path" ]; then
                    echo "postlink: the output $path is itself a link: specialize the package that has $(readlink "$path")" >&2
                    exit 1
                  fi
                done
                repack=--repack
                if [ -n "''${outputHashMode-}" ]; then
                  repack=
                  echo "postlink: content-addressed outputs: no compressed file is rewritten, and none made" >&2
                fi
                ${postlink}/bin/postlink specialize ${toString options}${hint}
              ''
              + builtins.readFile ./forgotten.sh
              + finish;
            meta =
              metaOf { inherit package pname version outputs; } // toFunction meta final;
            passthru = extra;
          }
          // (
            if position == null then
              { }
            else
              {
                pos = {
                  file = builtins.elemAt position 0;
                  line = builtins.fromJSON (builtins.elemAt position 1);
                  column = 1;
                };
              }
          )
          // derivationArgs
          // {
            # The gate is postlink's; Nix checks it once more, and whatever else the outputs need.
            disallowedRequisites =
              builtins.concatMap pathsOf ([ package ] ++ map (dependency: dependency.unspecialized) replaced)
              ++ derivationArgs.disallowedRequisites or [ ];
          }
        )
        // extra;
    in
    builtins.seq checked final;
in
specialize
