// A helper that only the library starts. It carries no record: what it needs it is told.
#include <sys/auxv.h>

#include <cstdio>

int main(int argc, char ** argv)
{
    // The path that `execl` was given.
    std::printf("helper=%s %s\n", reinterpret_cast<const char *>(getauxval(AT_EXECFN)), argc > 1 ? argv[1] : "");
    return argc == 2 ? 0 : 1;
}
