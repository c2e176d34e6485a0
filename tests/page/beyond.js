// What lies beyond the right edge of the screen, or is wider than what holds it.
(() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const element of document.querySelectorAll('body *')) {
        const box = element.getBoundingClientRect();
        const hides = element.closest('.visually-hidden, [hidden], .scroll-x, .case-table thead, dialog:not([open])');
        if (!hides && box.width > 0 && (box.right > width + 0.5 || box.left < -0.5)) found.push(`${element.tagName} ${element.id || element.className} ${box.left}–${box.right}`);
    }
    return found;
})()
