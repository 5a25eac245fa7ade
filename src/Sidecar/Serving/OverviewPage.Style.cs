namespace Sidecar.Serving;

internal static partial class OverviewPage
{
    /// <summary>Colours have a contrast of 4.5 and more to what they stand on, by day and by night (WCAG 2.2, 1.4.3).</summary>
    private static ReadOnlySpan<byte> Style => """
        :root{--back:#f4f6f8;--card:#fff;--ink:#171c22;--dim:#56616d;--line:#dde2e8;--good:#177245;--odd:#8a5a00;--bad:#be2430;
        --blue:#1f5fc4;--tint:#1f5fc41f}
        @media(prefers-color-scheme:dark){:root{--back:#0e1217;--card:#161b22;--ink:#e3e8ee;--dim:#98a3af;--line:#2a323c;--good:#4cc48b;
        --odd:#e3ab4f;--bad:#ff837c;--blue:#74acff;--tint:#74acff26}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
        main{max-width:1120px;margin:0 auto;padding:20px 16px;display:grid;gap:14px;grid-template-columns:minmax(0,1fr)}
        header{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 12px;color:var(--dim)}
        h1{font-size:20px;color:var(--ink)}h1,h2,h3,p{margin:0}
        header p:last-child{margin-left:auto}
        a{color:var(--blue)}
        h2{font-size:13px;font-weight:600;color:var(--dim)}
        .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px;min-width:0;overflow-wrap:anywhere}
        .card>b{display:block;font-size:24px;line-height:1.3;font-weight:600}
        .verdict{padding:12px 16px;border-radius:8px;border:1px solid;background:color-mix(in srgb,currentColor 9%,var(--card));
        min-width:0;overflow-wrap:anywhere}
        .verdict>p{font-size:18px;font-weight:600;line-height:1.35}
        .why{color:var(--ink);font-size:14px;margin-top:8px;border-left:3px solid var(--odd);padding-left:10px}
        .bad.why{border-color:var(--bad)}h3{font-size:14px}p i{font-style:normal;font-size:13px;color:var(--dim);margin-right:.3em}
        .good.verdict,td b{color:var(--good)}.odd.verdict,.odd b{color:var(--odd)}.bad.verdict,.bad b,.error{color:var(--bad)}
        .verdict>p:before,td b:before,.flow h2:before{content:"●";margin-right:.45em;font-weight:400}
        .odd.verdict>p:before,.odd td b:before,.odd h2:before{content:"◐"}
        .bad.verdict>p:before,.bad td b:before,.bad h2:before{content:"▲"}
        .good h2:before{color:var(--good)}.odd h2:before{color:var(--odd)}.bad h2:before{color:var(--bad)}
        .flow,.plots{display:grid;gap:14px;grid-template-columns:repeat(3,minmax(0,1fr))}
        .plots{grid-template-columns:repeat(4,minmax(0,1fr))}
        .flow p,.axis,small,.none{color:var(--dim);font-size:13px}.flow .error,td .error{color:var(--bad);font-size:14px}
        .flow .card{position:relative}.flow .card+.card:before{content:"→";position:absolute;left:-15px;top:18px;width:15px;
        text-align:center;color:var(--dim)}
        .bar{height:4px;border-radius:2px;background:var(--line);margin:6px 0;overflow:hidden}
        .bar i{display:block;height:100%;background:currentColor}
        .good .bar{color:var(--blue)}.odd .bar{color:var(--odd)}.bad .bar{color:var(--bad)}
        code,#configuration td,#configuration th{font:13px/1.5 ui-monospace,monospace}
        svg{display:block;width:100%;height:56px;margin-top:6px;border-bottom:1px solid var(--line)}
        .strip{width:120px;height:14px;margin:4px 0 0;background:var(--line);border:0}.strip path{fill:none;stroke-width:6}
        .up{stroke:var(--good)}.strip .down{stroke:var(--bad);stroke-width:14}
        path{fill:var(--tint);stroke:var(--blue);stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
        .axis{display:flex;justify-content:space-between;font-size:12px}
        table{width:100%;border-collapse:collapse;margin-top:6px}
        th{font-size:13px;font-weight:400;color:var(--dim);text-align:left}
        td,th{padding:7px 16px 7px 0;border-top:1px solid var(--line);vertical-align:top}thead th{border:0;padding-bottom:2px}
        td b{font-weight:600;white-space:nowrap}small{display:block}td p{font-size:14px}
        #targets :is(td,th){padding-right:20px}#targets :is(td,th):nth-child(n+3){text-align:right;white-space:nowrap}
        #targets :is(td,th):last-child{padding-right:0}
        #targets td:nth-child(2){width:100%}
        #configuration :is(td,th){padding:3px 16px 3px 0}:is(#configuration,#changes) th{width:1%;white-space:nowrap}
        #changes td:last-child{text-align:right;white-space:nowrap;padding-right:0}
        summary{cursor:pointer;margin-top:8px;color:var(--blue);font-size:14px}
        footer{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:14px}
        @media(max-width:760px){.plots{grid-template-columns:1fr 1fr}.flow{grid-template-columns:minmax(0,1fr)}
        .flow .card+.card:before{content:"↓";left:16px;top:-19px}
        .card>b{font-size:21px}
        #targets thead{position:absolute;clip-path:inset(50%)}
        #targets tr{display:flex;flex-wrap:wrap;gap:2px 16px;padding:9px 0;border-top:1px solid var(--line)}
        #targets tr td{border:0;padding:0;text-align:left;width:auto}#targets td:nth-child(-n+2){flex:1 0 100%}
        #targets td:nth-child(n+3){color:var(--dim);font-size:13px}#targets td:last-child:before{content:"samples: "}
        #targets td:nth-child(4):before{content:"failures: "}#targets td:nth-child(4) small{display:inline;margin-left:.4em}
        #configuration tr{display:block;padding:5px 0;border-top:1px solid var(--line)}
        #configuration :is(td,th){display:block;border:0;padding:0;white-space:normal;width:auto}}
        """u8;
}
