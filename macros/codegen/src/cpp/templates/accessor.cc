@TYPE@ @NAME@() noexcept
{
    @BODY@
}
