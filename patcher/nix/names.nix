# The name of a specialized package, made of those of the package.
package: pname: version:
let
  # nixpkgs marks what is for another machine, or static, between name and version. It does so for
  # whatever has a compiler, which a specialize derivation does not.
  stdenv = package.stdenv or { };
  host = stdenv.hostPlatform or { };
  isCross = stdenv ? buildPlatform && host.config != stdenv.buildPlatform.config;
  static = if host.isStatic or false then "-static" else "";
  suffix = if isCross then "-${host.config}" else "";
in
pname + static + suffix + (if version == "" then "" else "-${version}")
