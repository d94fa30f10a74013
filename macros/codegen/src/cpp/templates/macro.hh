
@DOC@
#if defined(@MACRO@)
#error "@MACRO@ is defined already: remove the old definition, it is now the value of field @FIELD@"
#else
#define @MACRO@ (::@NAMESPACE@::@FIELD@()@DATA@)
#endif
