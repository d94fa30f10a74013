#include <app/values.macros.gen.hh>

#include <string>

#ifdef _WIN32
__declspec(dllexport)
#endif
std::string banner()
{
    return std::string("app ") + APP_VERSION;
}
