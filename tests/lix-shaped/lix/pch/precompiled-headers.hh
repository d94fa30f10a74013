#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>
