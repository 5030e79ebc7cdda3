//! Links this tool at a fixed address: it holds the clients of all services, and to move them at its
//! start would cost five megabytes of memory, an eighth of what a tool may have.

fn main() {
    println!("cargo::rustc-link-arg-bins=-no-pie");
}
