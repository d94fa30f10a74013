# The addon of dh, `dh $@ --with postlink`. dh_postlink says why it runs where it does.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

# dh_missing also runs for packages of all architectures; dh_dwz and dh_strip do not.
insert_after('dh_missing', 'dh_postlink');

1;
