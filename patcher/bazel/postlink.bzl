"""Accessors from a postlink schema, and filled programs and libraries.

Both are actions of their own: a value that changes fills a linked file again, and compiles nothing.
"""

# All other keys of the workspace status without STABLE_ are in the file whose changes run no action.
_STABLE = ["BUILD_EMBED_LABEL", "BUILD_HOST", "BUILD_USER"]

_POSTLINK = attr.label(
    doc = "The program, of the machine that builds.",
    default = "@postlink_program//:postlink",
    executable = True,
    allow_single_file = True,
    cfg = "exec",
)

def _generate_impl(ctx):
    header, source = ctx.outputs.header, ctx.outputs.source

    # From the root of its repository, where each compiler of C++ is told to look.
    include = "/".join([part for part in [ctx.label.package, header.basename] if part])
    args = ctx.actions.args()
    args.add("generate")
    args.add("--schema", ctx.file.schema)
    args.add("--out-header", header)
    args.add("--out-source", source)
    args.add("--include", include)
    if ctx.attr.section:
        args.add("--section", ctx.attr.section)
    args.add_all(ctx.attr.defaults, before_each = "--default")
    ctx.actions.run(
        executable = ctx.executable.postlink,
        arguments = [args],
        inputs = [ctx.file.schema],
        outputs = [header, source],
        mnemonic = "PostlinkGenerate",
        progress_message = "Generating accessors from " + ctx.file.schema.short_path,
    )
    return [DefaultInfo(files = depset([header, source]))]

_generate = rule(
    implementation = _generate_impl,
    attrs = {
        "defaults": attr.string_list(),
        "header": attr.output(mandatory = True),
        "postlink": _POSTLINK,
        "schema": attr.label(mandatory = True, allow_single_file = [".toml"]),
        "section": attr.string(),
        "source": attr.output(mandatory = True),
    },
)

def postlink_generate(name, schema, section = "", defaults = [], **kwargs):
    """Makes the files NAME.gen.hh and NAME.gen.cc: the source for one cc_library, the header for it too.

    Args:
      name: of the target, and of the files.
      schema: a file, schema.toml.
      section: the section of the schema; not needed if there is one.
      defaults: what replaces defaults of the schema, each as FIELD=VALUE; several of a list are its items.
      **kwargs: what all rules have, such as visibility; and `postlink`, another program.
    """
    _generate(
        name = name,
        schema = schema,
        section = section,
        defaults = defaults,
        header = name + ".gen.hh",
        source = name + ".gen.cc",
        **kwargs
    )

def _fill_impl(ctx):
    image, files = ctx.file.image, ctx.files.values
    filled = ctx.actions.declare_file(ctx.attr.out or ctx.label.name + "/" + image.basename)
    fill = ctx.actions.args()
    fill.add("fill")
    fill.add(image)
    fill.add("--quiet")
    fill.add("--output", filled)
    fill.add_all(files, before_each = "--values")
    fill.add_all(ctx.attr.set, before_each = "--set")

    executable, tools, inputs, stamp = ctx.executable.postlink, [], [image] + files, []
    if ctx.attr.stamp:
        executable, tools = ctx.executable._stamped, [ctx.executable.postlink]
        stamped = ctx.actions.args()
        stamped.add(ctx.executable.postlink)
        for field, key in ctx.attr.stamp.items():
            is_stable = key.startswith("STABLE_") or key in _STABLE
            status = ctx.info_file if is_stable else ctx.version_file
            inputs.append(status)
            stamped.add_all([field, key, status])
        stamped.add("--")
        stamp = [stamped]
    ctx.actions.run(
        executable = executable,
        arguments = stamp + [fill],
        inputs = depset(inputs),
        tools = tools,
        outputs = [filled],
        mnemonic = "PostlinkFill",
        progress_message = "Filling " + image.short_path,
    )
    return [DefaultInfo(
        executable = filled,
        files = depset([filled]),
        runfiles = ctx.attr.image[DefaultInfo].default_runfiles,
    )]

postlink_fill = rule(
    doc = "Fills a program, a library or an object file; the file that was linked stays as it is.",
    implementation = _fill_impl,
    executable = True,
    attrs = {
        "image": attr.label(
            doc = "What has the record: a cc_binary, also with linkshared, or a file.",
            mandatory = True,
            allow_single_file = True,
        ),
        "out": attr.string(doc = "The filled file; NAME/FILE by default, with the name that it had."),
        "postlink": _POSTLINK,
        "set": attr.string_list(
            doc = "Values, each as FIELD=VALUE; several of a list are its items.",
        ),
        "stamp": attr.string_dict(
            doc = "Values from the workspace status: field to key. A key that is not there, or has no value, is an error.",
        ),
        "values": attr.label_list(doc = "Files of values, JSON or TOML.", allow_files = True),
        "_stamped": attr.label(
            default = "//:stamped.sh",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
    },
)
