// Texts on the screen whose contrast with what lies under them is below 4.5 (WCAG 2.2, 1.4.3), with that contrast.
(() => {
    const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
    const read = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
    const ground = (element) => {
        const own = element ? read(getComputedStyle(element).backgroundColor) : [255, 255, 255, 1];
        return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [faint, seen] = [new Map(), new Map()];
    const look = (element, style, name) => {
        const under = ground(element);
        const [a, b] = [light(over(read(style.color), under)), light(under)];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        seen.set(name, contrast);
        if (contrast < 4.5) faint.set(name, contrast);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (node.data.trim() && element.checkVisibility() && !element.closest('noscript')) {
            look(element, getComputedStyle(element), `${element.tagName} ${element.className} of ${element.closest('[id]')?.id}`);
        }
    }
    const search = document.querySelector('#search-id');
    look(search, getComputedStyle(search, '::placeholder'), 'placeholder');
    return { faint: [...faint], seen: seen.size };
})()
