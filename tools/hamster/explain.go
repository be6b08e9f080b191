package main

import (
	"context"
	"fmt"
	"image/png"
	"os"

	"hamster/model"
	"hamster/preprocess"
	"hamster/tools/internal/heatpaint"
)

// explain writes the picture with what spoke for the likeliest class.
func (c *classifyCommand) explain(ctx context.Context, m *model.Model, img preprocess.Image, r *result, s *streams) error {
	heat, err := c.heat(ctx, m, img, r, s)
	if err != nil {
		return err
	}
	r.Heatmap = &heat
	painted, err := heatpaint.Over(img, r.Mode, heat)
	if err != nil {
		return err
	}
	file, err := os.Create(c.Explain)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := png.Encode(file, painted); err != nil {
		return fmt.Errorf("%s: %w", c.Explain, err)
	}
	return file.Close()
}

// heat takes what the classification left, or tells how far occlusion is.
func (c *classifyCommand) heat(ctx context.Context, m *model.Model, img preprocess.Image, r *result, s *streams) (model.Heatmap, error) {
	class := r.Predictions[0].Index
	if m.Method() == model.GradCAM {
		return m.ExplainLast(ctx, class)
	}
	defer fmt.Fprintln(s.Err)
	return m.Explain(ctx, img, r.Mode, class, model.ExplainOptions{Progress: func(done, total int, _ model.Heatmap) {
		fmt.Fprintf(s.Err, "\rhamster: covering parts of the picture: %d of %d", done, total)
	}})
}
