//! The device layer by itself: folded dispatches, bindings by name, buffers, timestamps, errors.

mod common;

use acr_pinn_gpu::error::Error;
use acr_pinn_gpu::gpu::{Buffer, Choice, Gpu, Kernel, Part};

const COUNT: &str = "
@group(0) @binding(0) var<storage, read_write> marks: array<u32>;
@group(0) @binding(1) var<storage, read> unused_here: array<u32>;
@compute @workgroup_size(1)
fn count(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let index = group.x + group.y * groups.x;
    if index < arrayLength(&marks) { marks[index] += 1u; }
}";

#[test]
fn more_workgroups_than_one_dimension_holds_are_folded() {
    let gpu = common::gpu();
    let kernel = Kernel::link(&gpu, "count", &[Part::new("count", COUNT)]).unwrap();
    for items in [1_u32, 65_535, 65_536, 200_001] {
        let marks = gpu.storage_with("marks", &vec![0_u32; items as usize]).unwrap();
        // `unused_here` is declared but not used, so it needs no buffer
        let dispatch = kernel.bind(&gpu, &[("marks", &marks)]).unwrap().threads(items);
        gpu.submit(&[dispatch], 1);
        let got: Vec<u32> = gpu.read(&marks, items as usize).unwrap();
        assert!(got.iter().all(|&mark| mark == 1), "{items} items: not each exactly once");
    }
}

const LENGTHS: &str = "
@group(0) @binding(0) var<storage, read> list: array<u32>;
@group(0) @binding(1) var<storage, read_write> length: array<u32>;
@compute @workgroup_size(1)
fn lengths() { length[0] = arrayLength(&list); length[1] = arrayLength(&length); }";

/// A buffer that takes more room than was asked for must not show it: a kernel that goes by `arrayLength` would work on
/// elements that are not there, and bounds checks may put what it writes into the last one that is.
#[test]
fn kernels_see_as_many_elements_as_were_asked_for() {
    let gpu = common::gpu();
    let kernel = Kernel::link(&gpu, "lengths", &[Part::new("lengths", LENGTHS)]).unwrap();
    for count in 1..10_usize {
        let list = gpu.storage_with("list", &vec![7_u32; count]).unwrap();
        let length = gpu.storage_with("length", &[0_u32; 2]).unwrap();
        let dispatch = kernel.bind(&gpu, &[("list", &list), ("length", &length)]).unwrap().workgroups(1);
        gpu.submit(&[dispatch], 1);
        assert_eq!(gpu.read::<u32>(&length, 2).unwrap(), [count as u32, 2]);
    }
}

const TRIPS: &str = "
@group(0) @binding(0) var<storage, read_write> trips: array<u32>;
@compute @workgroup_size(1)
fn trips_of_one() { for (var i = 0u; i < trips[0]; i++) { trips[1] += trips[2]; } }";

/// The answer that kernels go by is what a loop of somebody else's does.
#[test]
fn drivers_that_end_long_loops_are_found_by_trying() {
    let gpu = common::gpu();
    let before = gpu.allocated();
    let start = std::time::Instant::now();
    let ends = gpu.ends_long_loops();
    println!("the first answer took {:?}", start.elapsed());
    assert_eq!(gpu.allocated(), before, "what was tried is not counted");
    let kernel = Kernel::link(&gpu, "trips_of_one", &[Part::new("trips_of_one", TRIPS)]).unwrap();
    let trips = gpu.storage_with("trips", &[100_000_u32, 0, 1]).unwrap();
    gpu.submit(&[kernel.bind(&gpu, &[("trips", &trips)]).unwrap().workgroups(1)], 1);
    let run = gpu.read::<u32>(&trips, 3).unwrap()[1];
    assert_eq!(ends, run != 100_000, "{run} of 100000 trips");
    let start = std::time::Instant::now();
    (0..1000).for_each(|_| assert_eq!(gpu.ends_long_loops(), ends));
    assert!(start.elapsed().as_millis() < 100, "the answer is remembered");
}

#[test]
fn mistakes_are_errors_with_names() {
    let gpu = common::gpu();
    let kernel = Kernel::link(&gpu, "count", &[Part::new("count", COUNT)]).unwrap();
    let error = kernel.bind::<Buffer>(&gpu, &[]).err().unwrap().to_string();
    assert!(error.contains("`marks`"), "{error}");
    let broken =
        [Part::new("shaders/first.wgsl", "const A = 1u;"), Part::new("shaders/second.wgsl", "fn f() { let x = B; }")];
    let error = Kernel::link(&gpu, "f", &broken).err().unwrap().to_string();
    assert!(error.contains('B') && error.contains("ACR_PINN_DUMP_SHADERS"), "{error}");
    let error = Kernel::link(&gpu, "other", &[Part::new("count", COUNT)]).err().unwrap().to_string();
    assert!(error.contains("no entry point `other`"), "{error}");
    let error = gpu.storage("much", 1 << 50).err().unwrap();
    assert!(matches!(error, Error::Device(_)) && error.to_string().contains("`much` needs"), "{error}");
    let choice = Choice { name: Some("no such adapter".into()), ..Choice::default() };
    assert!(matches!(Gpu::open(&choice).err().unwrap(), Error::NoAdapter(_)));
}

#[test]
fn the_devices_clock_agrees_with_the_wall() {
    let gpu = common::gpu();
    let kernel = Kernel::link(&gpu, "count", &[Part::new("count", COUNT)]).unwrap();
    let marks = gpu.storage_with("marks", &vec![0_u32; 200_000]).unwrap();
    let step = [kernel.bind(&gpu, &[("marks", &marks)]).unwrap().threads(200_000)];
    gpu.submit(&step, 1);
    gpu.wait().unwrap();
    let start = std::time::Instant::now();
    let device = gpu.timestamps(&step).unwrap();
    let wall = start.elapsed();
    // an adapter without useful timestamps says so; one that has them cannot have worked longer than we waited
    if let Some(passes) = device {
        assert_eq!(passes.len(), 1);
        assert!(passes[0] <= wall, "{:?} on the device, {wall:?} on the wall", passes[0]);
        assert!(!passes[0].is_zero());
    }
}
