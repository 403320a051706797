//! Nothing unfinished is left behind.

#[test]
fn no_marks_are_left() {
    // Put together here, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("unimplemented", "!"),
    ];
    for (path, text) in super::rust_files() {
        for (number, line) in text.lines().enumerate() {
            for mark in marks {
                let word = line
                    .split(|c: char| !c.is_alphanumeric() && c != '!')
                    .any(|word| word == mark);
                assert!(!word, "{}:{} says {mark}", path.display(), number + 1);
            }
        }
    }
}
