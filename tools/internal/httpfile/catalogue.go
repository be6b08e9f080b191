package httpfile

import (
	"encoding/json"
	"fmt"
	"net/url"

	"hamster/model/packed"
)

// Catalogue lists the packed models that a server offers.
type Catalogue struct {
	// Default is the ID of the model to load where nobody has chosen.
	Default string  `json:"default,omitempty"`
	Models  []Offer `json:"models"`
}

// Offer is one packed model. Sizes are in bytes, as in its manifest.
type Offer struct {
	ID         string `json:"id"` // its folder
	Name       string `json:"name,omitempty"`
	Version    string `json:"version,omitempty"`
	Licence    string `json:"licence,omitempty"`
	Manifest   string `json:"manifest"` // its URL, relative to the catalogue
	Size       int64  `json:"size"`
	Compressed int64  `json:"compressed"`
	Labels     int    `json:"labels"` // how many
}

// NewOffer is the catalogue's entry for a model in the folder id. The URL of its
// manifest leads to the same place from both addresses of the catalogue.
func NewOffer(id string, m *packed.Manifest) Offer {
	return Offer{
		ID: id, Name: m.Name, Version: m.Version, Licence: m.Licence,
		Manifest: "../" + ModelsPath + "/" + url.PathEscape(id) + "/" + packed.ManifestName,
		Size:     m.Size, Compressed: m.Compressed, Labels: len(m.Labels),
	}
}

// Encode is the catalogue as it is sent: the same bytes for the same models.
func (c *Catalogue) Encode() ([]byte, error) {
	listed := *c
	if listed.Models == nil {
		listed.Models = []Offer{} // never null
	}
	text, err := json.Marshal(&listed)
	if err != nil {
		return nil, fmt.Errorf("encode the catalogue: %w", err)
	}
	return text, nil
}
