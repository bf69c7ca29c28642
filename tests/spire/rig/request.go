package rig

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

// FetchX509SVID is the whole request as bytes, so that an actor that knows no HTTP/2 can send it at the exact moment.
func FetchX509SVID(t testing.TB) []byte {
	t.Helper()
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/SpiffeWorkloadAPI/FetchX509SVID"},
		{":authority", "localhost"}, {"content-type", "application/grpc"}, {"te", "trailers"},
		{"workload.spiffe.io", "true"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	var request bytes.Buffer
	request.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&request, nil)
	err := errors.Join(
		framer.WriteSettings(),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers.Bytes(), EndHeaders: true}),
		framer.WriteData(1, true, make([]byte, 5))) // an empty message: not compressed, length 0
	if err != nil {
		t.Fatal(err)
	}
	return request.Bytes()
}

// Answer is what came back on a connection.
type Answer struct {
	Identities []string // SPIFFE IDs of the first message with any
	Status     string   // grpc-status and grpc-message of the trailers, if any came
	Cut        bool     // the connection ended with neither
}

func (a Answer) String() string {
	return fmt.Sprintf("identities=%v status=%q cut=%v", a.Identities, a.Status, a.Cut)
}

// ReadAnswer reads until an identity, a status or the end of the connection.
func ReadAnswer(from io.Reader) (Answer, error) {
	framer := http2.NewFramer(io.Discard, from)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var body []byte
	for {
		frame, err := framer.ReadFrame()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return Answer{Cut: true}, nil
		}
		if err != nil {
			return Answer{}, fmt.Errorf("reading the agent's answer: %w", err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range frame.Fields {
				if field.Name == "grpc-status" {
					return Answer{Status: field.Value + " " + headerValue(frame, "grpc-message")}, nil
				}
			}
		case *http2.DataFrame:
			body = append(body, frame.Data()...)
			identities, err := identitiesIn(body)
			if err != nil || identities != nil {
				return Answer{Identities: identities}, err
			}
		}
	}
}

func headerValue(frame *http2.MetaHeadersFrame, name string) string {
	for _, field := range frame.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

func identitiesIn(body []byte) ([]string, error) {
	if len(body) < 5 || len(body) < 5+int(binary.BigEndian.Uint32(body[1:5])) {
		return nil, nil
	}
	var response workload.X509SVIDResponse
	if err := proto.Unmarshal(body[5:5+binary.BigEndian.Uint32(body[1:5])], &response); err != nil {
		return nil, fmt.Errorf("decoding the agent's answer: %w", err)
	}
	identities := []string{}
	for _, svid := range response.Svids {
		identities = append(identities, svid.SpiffeId)
	}
	return identities, nil
}
