//! The `paidan` command.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
    if !std::arch::is_x86_feature_detected!("avx2") || !std::arch::is_x86_feature_detected!("bmi2") {
        eprintln!(
            "paidan: this build needs a processor with AVX2 and BMI2 (x86-64-v3); build it without .cargo/config.toml"
        );
        return ExitCode::from(1);
    }
    paidan::cli::main(std::env::args_os())
}
