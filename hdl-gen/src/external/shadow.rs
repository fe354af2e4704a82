//! A memory of which only the meaning of each word is known, and who used it last.

/// What a word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing that anyone may read.
    Nothing,
    /// A word of a row of a tensor.
    Feature {
        /// Index of the tensor.
        tensor: u32,
        /// Row.
        row: u32,
        /// Word of the row.
        word: u32,
    },
    /// A word of an operation's weight image.
    Weight {
        /// Index in `Schedule::operations`.
        operation: u32,
        /// Word of the operation's image.
        word: u32,
    },
    /// A later part of the word that began before.
    Rest,
}

/// The two queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Loop nests.
    Engine,
    /// Transfers.
    Dma,
}

/// Who uses a word: a command, by its number in its queue from 1.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// Its queue.
    pub queue: Queue,
    /// Its number in the queue.
    pub number: u32,
    /// Commands of the other queue that have certainly ended when it starts.
    pub horizon: u32,
    /// Number of the loop row within the frame; what one row reads it must not write.
    pub tick: u32,
}

/// A word of a memory.
#[derive(Clone, Copy, Debug)]
struct Word {
    content: Content,
    /// Last command of each queue that read it.
    read: [u32; 2],
    /// Last command of each queue that wrote it.
    written: [u32; 2],
    /// Last loop row that read it.
    tick: u32,
}

/// A memory on chip.
#[derive(Clone, Debug)]
pub struct Shadow {
    name: &'static str,
    words: Vec<Word>,
}

impl Shadow {
    /// An empty memory.
    pub fn new(name: &'static str, words: usize) -> Shadow {
        let empty = Word { content: Content::Nothing, read: [0; 2], written: [0; 2], tick: 0 };
        Shadow { name, words: vec![empty; words] }
    }

    /// Reads a word, which no command of the other queue may be writing.
    pub fn read(&mut self, at: usize, user: User) -> Result<Content, String> {
        let word = get(self.name, &mut self.words, at)?;
        let other = 1 - user.queue as usize;
        if word.written[other] > user.horizon {
            return Err(unordered(self.name, at, "reads", "written", word.written[other], user));
        }
        word.read[user.queue as usize] = user.number;
        word.tick = user.tick;
        Ok(word.content)
    }

    /// Reads a word that must hold `expected`.
    pub fn expect(&mut self, at: usize, user: User, expected: Content) -> Result<(), String> {
        let found = self.read(at, user)?;
        if found == expected {
            return Ok(());
        }
        Err(format!("{} word {at}: expected {expected:?}, found {found:?}", self.name))
    }

    /// Writes a word, which no command of the other queue may be using.
    pub fn write(&mut self, at: usize, user: User, content: Content) -> Result<(), String> {
        let word = get(self.name, &mut self.words, at)?;
        let other = 1 - user.queue as usize;
        if word.written[other] > user.horizon {
            return Err(unordered(self.name, at, "writes", "written", word.written[other], user));
        }
        if word.read[other] > user.horizon {
            return Err(unordered(self.name, at, "writes", "read", word.read[other], user));
        }
        if user.queue == Queue::Engine && word.tick == user.tick {
            return Err(format!("{} word {at} is written by the row that reads it", self.name));
        }
        word.written[user.queue as usize] = user.number;
        word.content = content;
        Ok(())
    }
}

fn get<'a>(name: &str, words: &'a mut [Word], at: usize) -> Result<&'a mut Word, String> {
    let n_words = words.len();
    words.get_mut(at).ok_or_else(|| format!("{name} word {at}: expected fewer than {n_words}"))
}

fn unordered(name: &str, at: usize, verb: &str, theirs: &str, other: u32, user: User) -> String {
    format!(
        "{name} word {at}: it {verb} what command {other} of the other queue has {theirs}, but \
         waits only for {}",
        user.horizon
    )
}

/// External memory in units of four bytes; it is used by one queue, so order is no question.
#[derive(Clone, Debug)]
pub struct OutsideShadow {
    units: Vec<Content>,
}

impl OutsideShadow {
    /// An empty memory.
    pub fn new(bytes: usize) -> OutsideShadow {
        OutsideShadow { units: vec![Content::Nothing; bytes / 4] }
    }

    /// The word at a byte address.
    pub fn read(&self, address: usize, bytes: usize) -> Result<Content, String> {
        let units = self.units.get(address / 4..(address + bytes) / 4);
        let units = units.ok_or_else(|| format!("external byte {address}: outside the memory"))?;
        if units[0] == Content::Nothing || units[1..].iter().any(|unit| *unit != Content::Rest) {
            return Err(format!("external byte {address}: no word has been written there"));
        }
        Ok(units[0])
    }

    /// Writes a word where nothing was before.
    pub fn write(&mut self, address: usize, bytes: usize, content: Content) -> Result<(), String> {
        let units = self.units.get_mut(address / 4..(address + bytes) / 4);
        let units = units.ok_or_else(|| format!("external byte {address}: outside the memory"))?;
        if units.iter().any(|unit| *unit != Content::Nothing) {
            return Err(format!("external byte {address} is written twice"));
        }
        units.fill(Content::Rest);
        units[0] = content;
        Ok(())
    }
}
