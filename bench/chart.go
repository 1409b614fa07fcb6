package main

import (
	"fmt"
	"html"
	"strings"
)

// bar is one row of a chart.
type bar struct {
	label string
	value float64
	ours  bool
}

const (
	chartWidth, barHeight   = 760, 26
	labelWidth, figureWidth = 300, 90
)

// draw makes an SVG of horizontal bars that reads on light and dark alike.
func draw(title, unit string, bars []bar) string {
	most := 0.0
	for _, b := range bars {
		most = max(most, b.value)
	}
	var s strings.Builder
	height := 40 + len(bars)*barHeight
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-family="sans-serif" font-size="13">`+"\n",
		chartWidth, height, chartWidth, height)
	fmt.Fprintf(&s, "<title>%s</title>\n<text x=\"0\" y=\"18\" fill=\"#777\" font-weight=\"bold\">%s (%s)</text>\n", html.EscapeString(title), html.EscapeString(title), html.EscapeString(unit))
	for i, b := range bars {
		y, colour := 32+i*barHeight, "#9aa5b1"
		if b.ours {
			colour = "#2f7ed8"
		}
		width := 0.0
		if most > 0 {
			width = max(1, b.value/most*(chartWidth-labelWidth-figureWidth))
		}
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end" fill="#777">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d" fill="#777">%.3g</text>`+"\n",
			labelWidth-8, y+15, html.EscapeString(b.label), labelWidth, y, width, barHeight-6, colour, labelWidth+width+6, y+15, b.value)
	}
	s.WriteString("</svg>\n")
	return s.String()
}
