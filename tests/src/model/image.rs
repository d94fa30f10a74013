//! Small images around records, written by the `object` crate.

use object::write::{Object, pe};
use object::{Architecture, BinaryFormat, Endianness, SectionKind};

use crate::random::Random;

/// An image without its records: whatever is chosen for it.
#[derive(Clone, Debug)]
pub struct Image {
    file: File,
    /// The name of each record's section; records of one name are in one section.
    sections: Vec<String>,
    /// Zero bytes before each record, and behind the last.
    zeros: Vec<usize>,
    /// Bytes that belong to something else.
    noise: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum File {
    Object(BinaryFormat, Architecture, Endianness),
    /// An object of that, which says that it was linked.
    Linked(BinaryFormat, Architecture, Endianness),
    Program,
}

/// In most cases ELF.
const FILES: [File; 12] = {
    use Architecture::{Aarch64, Arm, I386, PowerPc, PowerPc64, X86_64};
    use BinaryFormat::{Coff, Elf, MachO};
    use Endianness::{Big, Little};
    [
        File::Linked(Elf, X86_64, Little),
        File::Linked(Elf, X86_64, Little),
        File::Linked(Elf, I386, Little),
        File::Linked(Elf, PowerPc64, Big),
        File::Linked(Elf, PowerPc, Big),
        File::Object(Elf, Aarch64, Little),
        File::Object(Elf, Arm, Little),
        File::Object(MachO, X86_64, Little),
        File::Linked(MachO, Aarch64, Little),
        File::Object(Coff, X86_64, Little),
        File::Object(Coff, I386, Little),
        File::Program,
    ]
};

impl Image {
    /// An image for records of these sections.
    #[must_use]
    pub fn any(random: &mut Random, names: &[String]) -> Self {
        let file = random.pick(&FILES);
        let name = |name: &String| match file {
            File::Object(BinaryFormat::Elf, ..) | File::Linked(BinaryFormat::Elf, ..) => {
                format!("postlink_{name}")
            }
            File::Object(BinaryFormat::MachO, ..) | File::Linked(BinaryFormat::MachO, ..) => {
                "__postlink".to_owned()
            }
            _ => ".plink".to_owned(),
        };
        let mut sections: Vec<String> = names.iter().map(name).collect();
        if random.once_in(4) {
            let first = sections[0].clone();
            sections.iter_mut().for_each(|name| name.clone_from(&first));
        }
        let zeros = (0..=names.len()).map(|_| random.pick(&[0, 0, 0, 16, 1, 7, 40])).collect();
        let noise = (0..random.below(64)).map(|_| random.number() as u8).collect();
        Self { file, sections, zeros, noise }
    }

    /// The name of its format.
    #[must_use]
    pub fn format(&self) -> String {
        match self.file {
            File::Object(format, ..) | File::Linked(format, ..) => format!("{format:?}"),
            File::Program => "Pe".into(),
        }
    }

    /// The whole file with these records.
    ///
    /// # Panics
    /// The `object` crate cannot write it.
    #[must_use]
    pub fn with(&self, records: &[Vec<u8>]) -> Vec<u8> {
        let mut sections: Vec<(&str, Vec<u8>)> = Vec::new();
        for ((record, name), zeros) in records.iter().zip(&self.sections).zip(&self.zeros) {
            if !sections.iter().any(|(other, _)| other == name) {
                sections.push((name, Vec::new()));
            }
            let section = sections.iter_mut().find(|(other, _)| other == name).expect("a section");
            section.1.resize(section.1.len() + zeros, 0);
            section.1.extend(record);
        }
        for (_, bytes) in &mut sections {
            bytes.resize(bytes.len() + self.zeros[records.len()], 0);
        }
        match self.file {
            File::Program => self.program(&sections),
            File::Object(format, processor, endian) => {
                self.object(&sections, format, processor, endian)
            }
            File::Linked(format, processor, endian) => {
                let mut file = self.object(&sections, format, processor, endian);
                match format {
                    // `ET_DYN`, in the half word `e_type`.
                    BinaryFormat::Elf if endian == Endianness::Big => file[17] = 3,
                    BinaryFormat::Elf => file[16] = 3,
                    // `MH_DYLIB`, in the word `filetype`.
                    _ => file[12] = 6,
                }
                file
            }
        }
    }

    fn object(
        &self,
        sections: &[(&str, Vec<u8>)],
        format: BinaryFormat,
        processor: Architecture,
        endian: Endianness,
    ) -> Vec<u8> {
        let mut object = Object::new(format, processor, endian);
        let segment: &[u8] = if format == BinaryFormat::MachO { b"__TEXT" } else { b"" };
        let mut add = |name: &str, kind: SectionKind, bytes: &[u8]| {
            let section = object.add_section(segment.to_vec(), name.into(), kind);
            object.append_section_data(section, bytes, 16);
        };
        add("noise", SectionKind::Text, &self.noise);
        for (name, bytes) in sections {
            add(name, SectionKind::ReadOnlyData, bytes);
        }
        add("more", SectionKind::Data, &self.noise);
        object.write().expect("an object")
    }

    fn program(&self, sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = pe::Writer::new(true, 4096, 512, &mut file);
        writer.reserve_dos_header_and_stub();
        writer.reserve_nt_headers(16);
        writer.reserve_section_headers(sections.len() as u16 + 1);
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a size");
        let text = writer.reserve_text_section(size(&self.noise) + 1);
        let flags = object::pe::IMAGE_SCN_CNT_INITIALIZED_DATA | object::pe::IMAGE_SCN_MEM_READ;
        let ranges: Vec<_> = sections
            .iter()
            .map(|(name, bytes)| {
                let mut header = [0; 8];
                header[..name.len()].copy_from_slice(name.as_bytes());
                writer.reserve_section(header, flags, size(bytes), size(bytes))
            })
            .collect();
        writer.write_dos_header_and_stub().expect("a header");
        writer.write_nt_headers(pe::NtHeaders {
            machine: object::pe::IMAGE_FILE_MACHINE_AMD64,
            time_date_stamp: 0,
            characteristics: object::pe::IMAGE_FILE_EXECUTABLE_IMAGE | object::pe::IMAGE_FILE_DLL,
            major_linker_version: 0,
            minor_linker_version: 0,
            address_of_entry_point: 0,
            image_base: 0x1_8000_0000,
            major_operating_system_version: 6,
            minor_operating_system_version: 0,
            major_image_version: 0,
            minor_image_version: 0,
            major_subsystem_version: 6,
            minor_subsystem_version: 0,
            subsystem: object::pe::IMAGE_SUBSYSTEM_WINDOWS_CUI,
            dll_characteristics: object::pe::DllFlags(0),
            size_of_stack_reserve: 0,
            size_of_stack_commit: 0,
            size_of_heap_reserve: 0,
            size_of_heap_commit: 0,
        });
        writer.write_section_headers();
        writer.write_section(text.file_offset, &self.noise);
        for (range, (_, bytes)) in ranges.iter().zip(sections) {
            writer.write_section(range.file_offset, bytes);
        }
        file
    }
}
