package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"hamster/model"
	"hamster/tools/internal/npy"
)

type runCommand struct {
	modelFlags
	Input  string `short:"i" required:"" placeholder:"FILE" help:"The input tensor, a .npy file of float32."`
	Output string `short:"o" required:"" placeholder:"FILE" help:"Where to write the model's first output, a .npy file."`
}

func (c *runCommand) Run(ctx context.Context) error {
	x, err := readTensor(c.Input)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.Input, err)
	}
	m, err := c.load(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	y, err := m.Run(ctx, x)
	if err != nil {
		return err
	}
	if err := writeTensor(c.Output, y); err != nil {
		return fmt.Errorf("write %s: %w", c.Output, err)
	}
	return nil
}

func readTensor(path string) (model.Tensor, error) {
	file, err := os.Open(path)
	if err != nil {
		return model.Tensor{}, withoutPath(err)
	}
	defer file.Close()
	shape, data, err := npy.Read(file)
	return model.Tensor{Shape: shape, Data: data}, withoutPath(err)
}

func writeTensor(path string, t model.Tensor) error {
	file, err := os.Create(path)
	if err != nil {
		return withoutPath(err)
	}
	if err := npy.Write(file, t.Shape, t.Data); err != nil {
		file.Close()
		return withoutPath(err)
	}
	return file.Close()
}

// withoutPath spares a message that names the file from naming it twice.
func withoutPath(err error) error {
	if path := new(fs.PathError); errors.As(err, &path) {
		return path.Err
	}
	return err
}
