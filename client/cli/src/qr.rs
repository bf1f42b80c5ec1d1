//! QR codes of links: for a terminal, as a PNG image, as an SVG image.
//!
//! A link is written in upper case, which is the same link and fits QR's alphanumeric mode.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use qrcode::render::{svg, unicode};
use qrcode::{Color, EcLevel, QrCode};

use crate::exit::{CliError, CliResult, Exit};

/// Pixels of a module in a PNG.
const SCALE: usize = 8;
/// Light modules around the code, as the standard asks for.
const QUIET: usize = 4;

/// A link as a QR code.
pub(crate) struct Qr(QrCode);

impl Qr {
    pub(crate) fn of(link: &str) -> CliResult<Self> {
        let code = QrCode::with_error_correction_level(link.to_uppercase(), EcLevel::M);
        code.map(Self).map_err(|e| {
            CliError::new(Exit::Failed, "internal", format!("no QR code can hold this link: {e}"))
        })
    }

    /// Half-block characters: light on a dark terminal, dark on a light one; cameras read both.
    pub(crate) fn for_terminal(&self) -> String {
        // Terminals are dark more often than not: the light modules are drawn.
        let mut draw = self.0.render::<unicode::Dense1x2>();
        draw.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark).build()
    }

    fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().min_dimensions(400, 400).build()
    }

    fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let modules = self.0.width() + 2 * QUIET;
        let side =
            u32::try_from(modules * SCALE).map_err(|_| png::EncodingError::LimitsExceeded)?;
        let mut image = Vec::new();
        let mut encoder = png::Encoder::new(&mut image, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels(modules))?;
        writer.finish()?;
        Ok(image)
    }

    fn pixels(&self, modules: usize) -> Vec<u8> {
        let side = modules * SCALE;
        (0..side * side).map(|at| self.shade(at % side / SCALE, at / side / SCALE)).collect()
    }

    fn shade(&self, x: usize, y: usize) -> u8 {
        let inside = QUIET..QUIET + self.0.width();
        let dark = inside.contains(&x)
            && inside.contains(&y)
            && self.0[(x - QUIET, y - QUIET)] == Color::Dark;
        if dark { 0 } else { 255 }
    }
}

/// The form of an image file, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Png,
    Svg,
}

/// A new file for a QR code. It is made before the invitation is, so that a file that cannot be
/// written leaves no invitation behind; it is removed again unless the code gets into it.
pub(crate) struct QrFile {
    path: PathBuf,
    form: Form,
    file: File,
    written: bool,
}

impl QrFile {
    /// Makes the file, for its owner only. One that exists is never overwritten.
    pub(crate) fn create(path: &Path) -> CliResult<Self> {
        let form = form_of(path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
            |e| match e.kind() {
                io::ErrorKind::AlreadyExists => CliError::usage(format!(
                    "{} exists already: name another file, or remove it",
                    path.display()
                )),
                _ => CliError::io(&format!("cannot write {}", path.display()), &e),
            },
        )?;
        Ok(Self { path: path.to_owned(), form, file, written: false })
    }

    pub(crate) fn write(&mut self, qr: &Qr) -> CliResult {
        let image = match self.form {
            Form::Png => {
                qr.png().map_err(|e| CliError::new(Exit::Failed, "internal", e.to_string()))?
            }
            Form::Svg => qr.svg().into_bytes(),
        };
        let written = self.file.write_all(&image).and_then(|()| self.file.sync_all());
        written.map_err(|e| CliError::io(&format!("cannot write {}", self.path.display()), &e))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for QrFile {
    fn drop(&mut self) {
        if !self.written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn form_of(path: &Path) -> CliResult<Form> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "png" => Ok(Form::Png),
        "svg" => Ok(Form::Svg),
        _ => Err(CliError::usage(format!(
            "{}: a QR code is written as .png or .svg",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LINK: &str =
        "chive:aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qccirdeqssmjzifevcwlboifj4";

    #[test]
    fn a_link_is_read_as_alphanumeric() -> CliResult {
        // The same text in byte mode would need version 7.
        let Qr(code) = Qr::of(LINK)?;
        assert!(matches!(code.version(), qrcode::Version::Normal(1..=5)), "{:?}", code.version());
        Ok(())
    }

    #[test]
    fn the_terminal_shows_light_modules_and_a_quiet_zone() -> CliResult {
        let drawn = Qr::of(LINK)?.for_terminal();
        let first = drawn.lines().next().unwrap_or_default();
        assert!(!first.is_empty() && first.chars().all(|c| c == '█'), "{first}");
        Ok(())
    }

    #[test]
    fn a_png_can_be_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let qr = Qr::of(LINK).map_err(|e| e.detail)?;
        let image = qr.png()?;
        let mut reader = png::Decoder::new(io::Cursor::new(image)).read_info()?;
        let side = reader.info().width;
        let mut pixels = vec![0; (side * side) as usize];
        reader.next_frame(&mut pixels)?;
        // The corner is light; the finder pattern behind the quiet zone is dark.
        let at = |module: usize| pixels[(module * SCALE) * side as usize + module * SCALE];
        assert_eq!((at(0), at(QUIET)), (255, 0));
        Ok(())
    }

    #[test]
    fn a_file_is_private_and_never_overwritten() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("code.SVG");
        let qr = Qr::of(LINK).map_err(|e| e.detail)?;
        QrFile::create(&path).and_then(|mut file| file.write(&qr)).map_err(|e| e.detail)?;
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path)?.contains("<svg"));
        assert_eq!(QrFile::create(&path).err().map(|e| e.exit), Some(Exit::Usage));
        assert!(path.exists());
        Ok(())
    }

    #[test]
    fn an_unused_file_leaves_nothing() -> CliResult {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("code.png");
        drop(QrFile::create(&path)?);
        assert!(!path.exists());
        assert_eq!(
            QrFile::create(&dir.path().join("code.gif")).err().map(|e| e.exit),
            Some(Exit::Usage)
        );
        Ok(())
    }
}
