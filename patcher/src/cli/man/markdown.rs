//! Markdown as roff: the parts of it that our texts have.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

/// The columns of text that a table has room for, on a terminal of 80.
const TABLE_WIDTH: usize = 70;

/// Adds a text. A heading of the second level begins a section, one of the third a subsection; the title
/// is left out.
pub(super) fn render(roff: &mut Roff, text: &str) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_DEFINITION_LIST;
    let mut page = Writer::default();
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        page.event(roff, event);
    }
}

/// The text that is being written.
#[derive(Default)]
struct Writer {
    inlines: Vec<Inline>,
    /// The font of what comes next.
    font: Font,
    /// Inside a list with numbers: the next of them. Inside one without: `None`.
    lists: Vec<Option<u64>>,
    /// A paragraph of a list's item or a definition has begun already.
    is_begun: bool,
    is_example: bool,
    row: Vec<String>,
    table: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Default)]
enum Font {
    #[default]
    Roman,
    Bold,
    Italic,
}

impl Writer {
    fn event(&mut self, roff: &mut Roff, event: Event<'_>) {
        match event {
            Event::Text(text) if self.is_example => {
                for line in text.lines() {
                    roff.text([roman(line)]);
                }
            }
            Event::Text(text) => self.inline(&text),
            Event::Code(text) => {
                let font = std::mem::replace(&mut self.font, Font::Bold);
                self.inline(&text);
                self.font = font;
            }
            Event::SoftBreak => self.inline(" "),
            Event::Start(tag) => self.start(roff, &tag),
            Event::End(tag) => self.end(roff, tag),
            _ => {}
        }
    }

    fn inline(&mut self, text: &str) {
        self.inlines.push(match self.font {
            Font::Roman => roman(text),
            Font::Bold => bold(text),
            Font::Italic => italic(text),
        });
    }

    /// What was written since the last line, without its fonts.
    fn plain(&mut self) -> String {
        let text = |inline: Inline| match inline {
            Inline::Roman(text) | Inline::Bold(text) | Inline::Italic(text) => text,
            Inline::LineBreak => " ".to_owned(),
        };
        std::mem::take(&mut self.inlines).into_iter().map(text).collect()
    }

    fn flush(&mut self, roff: &mut Roff) {
        if !self.inlines.is_empty() {
            roff.text(std::mem::take(&mut self.inlines));
        }
    }

    fn start(&mut self, roff: &mut Roff, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis => self.font = Font::Italic,
            Tag::Strong => self.font = Font::Bold,
            Tag::Paragraph if std::mem::take(&mut self.is_begun) => {}
            Tag::Paragraph => {
                roff.control("PP", []);
            }
            Tag::List(first) => {
                self.flush(roff);
                self.lists.push(*first);
            }
            Tag::Item => {
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "\u{2022}".to_owned(),
                };
                roff.control("IP", [mark.as_str(), "4"]);
                self.is_begun = true;
            }
            Tag::DefinitionListTitle => {
                roff.control("TP", []);
            }
            Tag::DefinitionListDefinition => self.is_begun = true,
            Tag::CodeBlock(_) => {
                roff.control("PP", []).control("RS", ["4"]).control("EX", []);
                self.is_example = true;
            }
            _ => {}
        }
    }

    fn end(&mut self, roff: &mut Roff, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong => self.font = Font::Roman,
            TagEnd::Heading(level) => {
                let heading = self.plain();
                match level {
                    HeadingLevel::H1 => {}
                    HeadingLevel::H2 => {
                        roff.control("SH", [heading.to_uppercase().as_str()]);
                    }
                    _ => {
                        roff.control("SS", [heading.as_str()]);
                    }
                }
            }
            TagEnd::Item => {
                self.flush(roff);
                self.is_begun = false;
            }
            TagEnd::Paragraph | TagEnd::DefinitionListTitle => self.flush(roff),
            TagEnd::DefinitionListDefinition => {
                self.flush(roff);
                self.is_begun = false;
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::CodeBlock => {
                roff.control("EE", []).control("RE", []);
                self.is_example = false;
            }
            TagEnd::TableCell => {
                let cell = self.plain();
                self.row.push(cell);
            }
            TagEnd::TableHead | TagEnd::TableRow => self.table.push(std::mem::take(&mut self.row)),
            TagEnd::Table => self.rows(roff),
            _ => {}
        }
    }

    /// Adds the table, for the preprocessor tbl.
    fn rows(&mut self, roff: &mut Roff) {
        let rows = std::mem::take(&mut self.table);
        let columns = rows.first().map_or(0, Vec::len);
        let widest = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(|column| widest(column) + 3).collect();
        let mut is_long = vec![false; columns];
        // The widest columns are broken into lines, until the rest leaves them some room.
        while is_long
            .iter()
            .zip(&widths)
            .map(|(&long, &width)| if long { 16 } else { width })
            .sum::<usize>()
            > TABLE_WIDTH
        {
            let short = (0..columns).filter(|&column| !is_long[column]);
            let Some(widest) = short.max_by_key(|&column| widths[column]) else { break };
            is_long[widest] = true;
        }
        let formats: Vec<&str> =
            is_long.iter().map(|&is_long| if is_long { "lx" } else { "l" }).collect();
        // Narrow columns are not stretched to both margins.
        roff.control("PP", []).control("ad", ["l"]).control("TS", []);
        let heads: Vec<&str> = formats.iter().map(|_| "lb").collect();
        let has_heads = rows.first().is_some_and(|row| row.iter().any(|cell| !cell.is_empty()));
        if has_heads {
            roff.text([roman(heads.join(" "))]);
        }
        roff.text([roman(format!("{}.", formats.join(" ")))]);
        for row in rows.iter().skip(usize::from(!has_heads)) {
            let mut line = String::new();
            for (cell, is_long) in row.iter().zip(&is_long) {
                if *is_long && !cell.is_empty() {
                    roff.text([roman(line + "T{")]);
                    roff.text([roman(cell)]);
                    line = "T}\t".to_owned();
                } else {
                    line += cell;
                    line.push('\t');
                }
            }
            roff.text([roman(line.trim_end_matches('\t'))]);
        }
        roff.control("TE", []).control("ad", []);
    }
}
