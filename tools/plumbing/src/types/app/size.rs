//! Sizes of Fargate's tasks.

/// Fargate's sizes as data: CPU units, then the memory in MiB as first, last and step
/// (ECS developer guide, "Task CPU and memory"). 256 CPU units take 512 MiB besides.
const FARGATE_SIZES: [(u32, u32, u32, u32); 8] = [
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122880, 8192),
    (32768, 61440, 249856, 61440),
];

/// Refuses CPU units and MiB that Fargate has no task of.
pub(super) fn check(cpu: u32, memory: u32) -> Result<(), String> {
    let Some((_, first, last, step)) = FARGATE_SIZES.iter().find(|size| size.0 == cpu) else {
        return Err(format!(
            "cpu {cpu} is no Fargate size: 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768"
        ));
    };
    // 32 vCPU take 60, 120 or 244 GB; the last is no multiple of the step.
    let listed = (*first..=*last).contains(&memory) && (memory - first).is_multiple_of(*step);
    if listed || (cpu, memory) == (256, 512) || (cpu, memory) == (32768, 249856) {
        return Ok(());
    }
    let also = if cpu == 256 { "512, " } else { "" };
    Err(format!(
        "memory {memory} does not go with cpu {cpu}: {also}{first} to {last} MiB in steps of {step}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_the_guide_is_accepted() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 4096),
            (1024, 2048),
            (2048, 16384),
            (4096, 30720),
            (8192, 61440),
            (16384, 122880),
            (32768, 122880),
            (32768, 249856),
        ] {
            assert_eq!(check(cpu, memory), Ok(()), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            (128, 128),
            (256, 1536),
            (256, 4096),
            (512, 512),
            (8192, 17408),
            (16384, 30720),
            (32768, 61441),
        ] {
            assert!(check(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }
}
