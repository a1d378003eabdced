//! What a password must be: long, and not what everyone tries first. Nothing else: rules about digits and capitals make
//! passwords worse (NIST SP 800-63B, ASVS 6.2).

use super::same_address;

/// Fewest characters.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Most characters: hashing takes time by length.
pub const MAX_PASSWORD_CHARS: usize = 200;

/// The commonest that are long enough, in small letters and without what people put behind them.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890123456",
    "123123123123",
    "111111111111",
    "000000000000",
    "121212121212",
    "112233445566",
    "987654321098",
    "098765432109",
    "0987654321",
    "123456123456",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "abc123abc123",
    "abcd1234abcd",
    "aaaaaaaaaaaa",
    "qwertyuiop",
    "qwertyuiop[]",
    "qwertyuiopas",
    "qwertyuiopasdf",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyqwerty",
    "qwerty123456",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1q2w3e4r5t6y7u8i",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "zaq12wsxcde3",
    "asdfghjkl;'",
    "asdfghjklqwe",
    "asdfasdfasdf",
    "asdfghjklzxcvbnm",
    "zxcvbnm12345",
    "zxcvbnmasdfghjkl",
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "passw0rdpassw0rd",
    "mypassword123",
    "mypasswordis",
    "thisismypassword",
    "administrator",
    "administrator1",
    "adminadminadmin",
    "adminadmin12",
    "rootrootroot",
    "changemechangeme",
    "changemeplease",
    "changeme1234",
    "letmeinletmein",
    "letmeinplease",
    "iloveyou1234",
    "iloveyouforever",
    "iloveyousomuch",
    "iloveyoubaby",
    "welcomewelcome",
    "welcome12345",
    "welcome123456",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "trustno1trustno1",
    "monkeymonkey",
    "dragondragon",
    "footballfootball",
    "baseballbaseball",
    "sunshine1234",
    "princess1234",
    "superman1234",
    "batmanbatman",
    "pokemonpokemon",
    "starwarsstarwars",
    "michaeljordan",
    "manchesterunited",
    "liverpoolfc1",
    "studiostudio",
    "multimodalstudio",
    "openaiopenai",
    "secretsecret",
    "secretpassword",
    "defaultpassword",
    "unknownunknown",
    "testtesttest",
    "test12345678",
    "testpassword",
    "useruseruser",
    "guestguestguest",
    "computer1234",
    "internet1234",
    "whatever1234",
    "1234qwerasdf",
    "1234qwerasdfzxcv",
    "qwer1234asdf",
    "abcdef123456",
    "a1b2c3d4e5f6",
    "asdf1234qwer",
    "google123456",
];

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPassword {
    /// Too few characters, or too many.
    #[error("must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters")]
    Length,
    /// Anyone who knows the person would try it.
    #[error("must not be your e-mail address")]
    Address,
    /// Everyone tries it.
    #[error(
        "is one of those that are tried first: choose another one, such as a few words that have nothing to do with each other"
    )]
    Common,
}

/// Whether a text can be the password of whoever has an address.
pub fn check_password(text: &str, address: &str) -> Result<(), NotAPassword> {
    let chars = text.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&chars) {
        return Err(NotAPassword::Length);
    }
    if same_address(text.trim(), address) {
        return Err(NotAPassword::Address);
    }
    let small = text.trim().to_lowercase();
    let bare = small.trim_end_matches(|c: char| c.is_ascii_digit() || "!.?*#$".contains(c));
    let one_char = small.chars().all(|c| small.starts_with(c));
    if one_char || COMMON.contains(&small.as_str()) || (bare.len() >= 8 && COMMON.contains(&bare)) {
        return Err(NotAPassword::Common);
    }
    Ok(())
}
