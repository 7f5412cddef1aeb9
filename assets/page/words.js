// What the page says of the machine it runs on, and what to do where WebGPU is missing.

/** Name and version of the browser, as far as it tells. */
export function browser() {
  const agent = navigator.userAgent;
  const brands = navigator.userAgentData?.brands ?? [];
  const brand = brands.find(({ brand }) => !/not.?a.?brand|chromium/i.test(brand)) ?? brands.find(({ brand }) => /chromium/i.test(brand));
  if (brand) return `${brand.brand} ${brand.version}`;
  for (const [name, pattern] of [['Edge', /Edg\/(\d+)/], ['Firefox', /Firefox\/(\d+)/], ['Chromium', /(?:Headless)?Chrom\w*\/(\d+)/], ['Safari', /Version\/([\d.]+).*Safari/]]) {
    const found = agent.match(pattern);
    if (found) return `${name} ${found[1]}`;
  }
  return 'an unknown browser';
}

/** The operating system, without anything that would tell one machine from another. */
export function system() {
  const agent = navigator.userAgent;
  const known = [['Android', /Android/], ['iOS', /iPhone|iPad/], ['Windows', /Windows/], ['macOS', /Mac OS X/], ['ChromeOS', /CrOS/], ['Linux', /Linux/]];
  return known.find(([, pattern]) => pattern.test(agent))?.[0] ?? 'unknown';
}

/** The adapter as `bench` records one. A browser tells less than a driver. */
export function machine(adapter) {
  const info = adapter.info ?? {};
  const named = [info.vendor, info.architecture, info.device].filter(Boolean).join(' ');
  const name = info.description || named || 'an adapter that the browser does not name';
  const software = info.isFallbackAdapter || adapter.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${name} ${named}`);
  return {
    os: system(),
    browser: browser(),
    adapter: {
      name, backend: 'webgpu', kind: software ? 'cpu' : 'other', driver: named === name ? '' : named, driver_info: '',
      vendor: 0, device: 0,
    },
  };
}

/** Why there is no WebGPU, and what helps: a sentence, and a list of things to try. */
export function missing(reason) {
  const [agent, os] = [navigator.userAgent, system()];
  if (!globalThis.isSecureContext) {
    return {
      what: 'This page came over plain http, where browsers hide WebGPU.',
      todo: ['Open it by https, or from this machine as http://localhost.'],
    };
  }
  const what = reason === 'adapter' ? 'This browser has WebGPU but gives no graphics card to it.' : 'This browser has no WebGPU.';
  const todo = [];
  if (/Firefox/.test(agent)) {
    todo.push('Firefox has WebGPU by itself from version 141 on Windows and 145 on Macs with Apple’s own processors.');
    todo.push('Elsewhere: take Firefox Nightly, or set dom.webgpu.enabled to true in about:config.');
  } else if (/Chrom|Edg/.test(agent)) {
    if (os === 'Linux') todo.push('Chrome and Chromium on Linux: start with --enable-unsafe-webgpu --enable-features=Vulkan, or set chrome://flags/#enable-unsafe-webgpu.');
    todo.push('Chrome, Edge and Opera from version 113 on (Android: 121) have it on Windows, macOS and Android. Is “graphics acceleration” on in the settings?');
    todo.push('Without a graphics card: start with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader, which computes on the processor.');
    todo.push('chrome://gpu says what the browser thinks of this machine’s driver.');
  } else if (/Safari/.test(agent)) {
    todo.push('Safari has it from version 26 on (macOS 26, iOS 26, iPadOS 26).');
    todo.push('Before: Settings › Apps › Safari › Advanced › Feature Flags › WebGPU; on a Mac in the Develop menu.');
  } else {
    todo.push('Chrome or Edge from version 113, Safari from 26 and Firefox from 141 have it on most systems.');
  }
  todo.push('Updating browser and graphics driver helps more often than anything else. https://webgpureport.org shows what a browser offers.');
  return { what, todo };
}
