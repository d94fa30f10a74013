# Build derivations among what the outputs referred to before, and among what that needs, which would stay:
# nothing was named for them, or what refers to them is not rewritten.
for graph in postlink-*; do
  stays=
  while read -r path; do
    read -r deriver
    read -r count
    may=
    way="specialize that, too, and name it in dependencies, or build it against what is specialized"
    case "$path" in
    # It is told of where something refers to it.
    *-unspecialized*) way= ;;
    esac
    case " $dependencies " in
    *" $path "*) way= ;;
    esac
    case " $own " in
    *" $path "*)
      may=$rewritten
      way="have that among the inputs of the package, or in its postlinkReferences, and what is specialized of it, with this output, in dependencies"
      ;;
    esac
    for ((; count > 0; count--)); do
      read -r reference
      if [ -z "$way" ]; then continue; fi
      case " $may " in
      *" $reference "*) continue ;;
      esac
      case "$reference" in
      *-unspecialized*)
        echo "postlink: $path refers to $reference: $way" >&2
        stays=1
        ;;
      esac
    done
  done <"$graph"
  if [ -n "$stays" ]; then exit 1; fi
done
