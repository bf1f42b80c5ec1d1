//! Makes a presence record for a server, of a person whose key exists for this one record.
//!
//!     record SERVER.onion WORK-BITS FILE
//!
//! It writes the 225 bytes that the server takes into the file, and prints where they are to be
//! put: `curl --upload-file FILE http://SERVER.onion/v1/records/ADDRESS`.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use chive_shared::blinding::{PresenceSecret, Signer};
use chive_shared::epoch::Epoch;
use chive_shared::limits::MAX_RECORD_LIFE;
use chive_shared::proof_of_work::Challenge;
use chive_shared::record::{Record, RecordDraft};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, bits, file] = arguments.as_slice() else {
        return Err("record SERVER.onion WORK-BITS FILE".into());
    };
    let server: ServerId = server.parse()?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;

    let (owner, secret) = (SigningKey::from_bytes(&random()?), PresenceSecret(random()?));
    let draft = RecordDraft {
        epoch: Epoch::at(now),
        sequence: Sequence::next(now, None),
        expires: now + MAX_RECORD_LIFE,
        status: Status { state: State::Online, since: now, hint: None },
    };
    let signer = Signer::new(&owner, &secret, draft.epoch, &server);
    let record = Record::make(&signer, &secret, &server, draft, random()?);
    let work = Challenge::new(&server, record.as_bytes())
        .solve(bits.parse()?, 0, u64::MAX)
        .ok_or("that is too much work")?;

    fs::write(file, [&record.as_bytes()[..], &work.0.to_be_bytes()].concat())?;
    writeln!(io::stdout(), "{}", HEXLOWER.encode(&record.address().0))?;
    Ok(())
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
