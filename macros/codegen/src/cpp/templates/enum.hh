/// The values of `@FIELD@`.
enum class @TYPE@ : std::uint32_t {
@NAMES@
};
