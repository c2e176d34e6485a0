// Controls that cannot be brought into sight and hit, or are too small to be.
(() => {
    const found = [];
    for (const element of document.querySelectorAll('button, select, input, summary, #map')) {
        if (!element.checkVisibility({ visibilityProperty: true }) || element.closest('dialog:not([open])')) continue;
        element.scrollIntoView({ block: 'center' });
        const box = element.getBoundingClientRect();
        const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const name = `${element.tagName} ${element.id || element.className}`;
        if (!element.contains(hit)) found.push(`${name} lies under ${hit?.outerHTML.slice(0, 80)}`);
        // A row as a whole is what a finger hits.
        const target = element.closest('tr') ?? element;
        const { width, height } = target.getBoundingClientRect();
        if (width < 24 || height < 24) found.push(`${name} is ${width} × ${height}`);
    }
    scrollTo(0, 0);
    return found;
})()
